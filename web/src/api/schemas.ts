/** The shapes of the API under the names this application uses; every one is generated from openapi/. */
import type { components as CartApi, paths as CartPaths } from "./generated/cart";
import type { components as MonitoringApi, paths as MonitoringPaths } from "./generated/monitoring";
import type { components as NotificationApi, paths as NotificationPaths } from "./generated/notification";
import type { components as OrderApi, paths as OrderPaths } from "./generated/order";
import type { paths as PaymentPaths, components as PaymentApi } from "./generated/payment";
import type { components as ProductApi, paths as ProductPaths } from "./generated/product";
import type { components as UserApi, paths as UserPaths } from "./generated/user";

export type Paths = CartPaths & MonitoringPaths & NotificationPaths & OrderPaths & PaymentPaths & ProductPaths & UserPaths;

export type ProblemDocument = CartApi["schemas"]["ProblemDocument"];
export type Money = CartApi["schemas"]["Money"];

export type Cart = CartApi["schemas"]["Cart"];
export type CartItem = CartApi["schemas"]["CartItem"];
export type AddCartItem = CartApi["schemas"]["AddCartItem"];

export type Category = ProductApi["schemas"]["CategoryItem"];
export type Facets = ProductApi["schemas"]["Facets"];
export type Product = ProductApi["schemas"]["Product"];
export type ProductItem = ProductApi["schemas"]["ProductItem"];
export type ProductImage = ProductApi["schemas"]["Image"];
export type CreateProduct = ProductApi["schemas"]["CreateProduct"];
export type UpdateProduct = ProductApi["schemas"]["UpdateProduct"];
export type AdjustStock = ProductApi["schemas"]["AdjustStock"];
export type StockMovement = ProductApi["schemas"]["StockMovement"];
export type Variant = ProductApi["schemas"]["Variant"];
export type ProductQuery = NonNullable<ProductPaths["/api/products"]["get"]["parameters"]["query"]>;

export type Address = OrderApi["schemas"]["Address"];
export type Order = OrderApi["schemas"]["Order"];
export type OrderItem = OrderApi["schemas"]["OrderItem"];
export type OrderStatus = Order["status"];
export type OrderQuery = NonNullable<OrderPaths["/api/orders"]["get"]["parameters"]["query"]>;
export type OrderStats = OrderApi["schemas"]["OrderStats"];
export type PlaceOrder = OrderApi["schemas"]["PlaceOrder"];
export type Quote = OrderApi["schemas"]["Quote"];
export type QuoteAsked = OrderApi["schemas"]["QuoteAsked"];
export type UpdateOrder = OrderApi["schemas"]["UpdateOrder"];

export type Payment = PaymentApi["schemas"]["Payment"];
export type Refund = PaymentApi["schemas"]["Refund"];
export type CreateRefund = PaymentApi["schemas"]["CreateRefund"];

export type SignIn = UserApi["schemas"]["SignIn"];
export type Register = UserApi["schemas"]["Register"];
export type SignedIn = UserApi["schemas"]["SignedIn"];
export type Session = UserApi["schemas"]["Session"];
export type User = UserApi["schemas"]["User"];
export type Permission = User["permissions"][number];
export type UserDetails = UserApi["schemas"]["UserDetails"];
export type UpdateUser = UserApi["schemas"]["UpdateUser"];

export type Mail = NotificationApi["schemas"]["Notification"];
export type MailAsSent = NotificationApi["schemas"]["NotificationDetails"];
export type NotificationSettings = NotificationApi["schemas"]["NotificationSettings"];

export type ServiceHealth = MonitoringApi["schemas"]["ServiceHealth"];
