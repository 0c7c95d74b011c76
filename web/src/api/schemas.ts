/**
 * The types of the API under the names that this application uses. All are generated from openapi/. Bodies of requests are
 * looked up by path and method, since the documents' own names for them are not part of the API's contract.
 */
import type { components as CartApi, paths as CartPaths } from "./generated/cart";
import type { components as MonitoringApi, paths as MonitoringPaths } from "./generated/monitoring";
import type { components as NotificationApi, paths as NotificationPaths } from "./generated/notification";
import type { components as OrderApi, paths as OrderPaths } from "./generated/order";
import type { paths as PaymentPaths, components as PaymentApi } from "./generated/payment";
import type { components as ProductApi, paths as ProductPaths } from "./generated/product";
import type { components as UserApi, paths as UserPaths } from "./generated/user";

export type Paths = CartPaths & MonitoringPaths & NotificationPaths & OrderPaths & PaymentPaths & ProductPaths & UserPaths;

type Body<Path extends keyof Paths, Method extends keyof Paths[Path]> = Paths[Path][Method] extends {
  requestBody?: { content: { "application/json": infer Type } };
}
  ? Type
  : never;

export type ProblemDocument = CartApi["schemas"]["ProblemDocument"];
export type Money = CartApi["schemas"]["Money"];

export type Cart = CartApi["schemas"]["Cart"];
export type CartItem = CartApi["schemas"]["CartItem"];
export type AddCartItem = Body<"/api/cart/items", "post">;

export type Category = ProductApi["schemas"]["CategoryItem"];
export type Facets = ProductApi["schemas"]["Facets"];
export type Product = ProductApi["schemas"]["Product"];
export type ProductItem = ProductApi["schemas"]["ProductItem"];
export type ProductImage = ProductApi["schemas"]["Image"];
export type CreateProduct = Body<"/api/products", "post">;
export type UpdateProduct = Body<"/api/products/{id}", "put">;
export type AdjustStock = Body<"/api/products/{id}/stock", "post">;
export type Variant = ProductApi["schemas"]["Variant"];
export type ProductQuery = NonNullable<ProductPaths["/api/products"]["get"]["parameters"]["query"]>;

export type Address = OrderApi["schemas"]["Address"];
export type Order = OrderApi["schemas"]["Order"];
export type OrderItem = Order["items"][number];
export type OrderStatus = Order["status"];
export type OrderQuery = NonNullable<OrderPaths["/api/orders"]["get"]["parameters"]["query"]>;
export type OrderStats = OrderApi["schemas"]["OrderStats"];
export type PlaceOrder = Body<"/api/orders", "post">;
export type Quote = OrderApi["schemas"]["Quote"];
export type QuoteRequest = Body<"/api/orders/quote", "post">;
export type UpdateOrder = Body<"/api/orders/{id}", "put">;

export type Payment = PaymentApi["schemas"]["Payment"];
export type Refund =
  PaymentPaths["/api/payments/{id}/refund"]["get"]["responses"][200]["content"]["application/json"]["items"][number];
export type CreateRefund = Body<"/api/payments/{id}/refund", "post">;

export type Credentials = Body<"/api/auth/login", "post">;
export type Registration = Body<"/api/auth/register", "post">;
export type SignedIn = UserApi["schemas"]["SignedIn"];
export type Session = UserApi["schemas"]["Session"];
export type User = UserApi["schemas"]["User"];
export type Permission = User["permissions"][number];
export type UserDetails = UserApi["schemas"]["UserDetails"];
export type UpdateAccount = Body<"/api/users/{id}", "patch">;

export type Email = NotificationApi["schemas"]["Notification"];
export type NotificationSettings = Body<"/api/notifications/settings", "put">;

export type ServiceHealth = MonitoringApi["schemas"]["ServiceHealth"];
