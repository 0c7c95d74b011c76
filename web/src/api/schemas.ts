/** The types of the API under the names that this application uses. All are generated from openapi/. */
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
export type AddCartItem = CartApi["schemas"]["ItemAdded"];

export type Category = ProductApi["schemas"]["CategoryItem"];
export type Facets = ProductApi["schemas"]["Facets"];
export type Product = ProductApi["schemas"]["Product"];
export type ProductItem = ProductApi["schemas"]["ProductItem"];
export type ProductImage = ProductApi["schemas"]["Image"];
export type CreateProduct = ProductApi["schemas"]["ProductDraft"];
export type UpdateProduct = ProductApi["schemas"]["ProductChange"];
export type StockChange = ProductApi["schemas"]["StockChange"];
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
export type QuoteRequest = OrderApi["schemas"]["QuoteAsked"];
export type UpdateOrder = OrderApi["schemas"]["UpdateOrder"];

export type Payment = PaymentApi["schemas"]["Payment"];
export type Refund = PaymentApi["schemas"]["RefundFacts"];
export type CreateRefund = PaymentApi["schemas"]["RefundWanted"];

export type Credentials = UserApi["schemas"]["Credentials"];
export type Registration = UserApi["schemas"]["Registration"];
export type SignedIn = UserApi["schemas"]["SignedIn"];
export type Session = UserApi["schemas"]["Session"];
export type User = UserApi["schemas"]["User"];
export type UserRecord = UserApi["schemas"]["UserRecord"];
export type UpdateAccount = UserApi["schemas"]["AccountChange"];

export type Email = NotificationApi["schemas"]["Notification"];
export type EmailAsSent = NotificationApi["schemas"]["NotificationAsSent"];
export type NotificationSettings = NotificationApi["schemas"]["NotificationSettings"];

export type ServiceHealth = MonitoringApi["schemas"]["ServiceHealth"];
