/** The routes of all pages. The gateway routes exactly these paths, so a new one must be added to `topology.py` too. */
import { queries } from "@/api/queries";
import { categoriesQuery, productQuery, productsQuery } from "@/api/catalog";
import { readSearch, toQuery } from "@/features/catalog/search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from "@tanstack/react-router";
import { Crash } from "./Crash";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Crash });

/** The path to go to after signing in. Only paths of this application are allowed, to prevent open redirects. */
function readNext(raw: Record<string, unknown>): { next?: string } {
  const { next } = raw;
  return typeof next === "string" && /^\/(?![/\\])/.test(next) ? { next } : {};
}

function readToken(raw: Record<string, unknown>): { token?: string } {
  return typeof raw.token === "string" ? { token: raw.token } : {};
}

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  loader: () => void queries.prefetchQuery(categoriesQuery),
  component: lazyRouteComponent(() => import("@/features/home/HomePage"), "HomePage"),
});

const products = createRoute({
  getParentRoute: () => root,
  path: "/products",
  validateSearch: readSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => {
    void queries.prefetchInfiniteQuery(productsQuery(toQuery(deps)));
    void queries.prefetchQuery(categoriesQuery);
  },
  component: lazyRouteComponent(() => import("@/features/catalog/ProductsPage"), "ProductsPage"),
});

const product = createRoute({
  getParentRoute: () => root,
  path: "/products/$slug",
  loader: ({ params }) => void queries.prefetchQuery(productQuery(params.slug)),
  component: lazyRouteComponent(() => import("@/features/catalog/ProductPage"), "ProductPage"),
});

const cart = createRoute({
  getParentRoute: () => root,
  path: "/cart",
  component: lazyRouteComponent(() => import("@/features/cart/CartPage"), "CartPage"),
});

const checkout = createRoute({
  getParentRoute: () => root,
  path: "/checkout",
  component: lazyRouteComponent(() => import("@/features/checkout/CheckoutPage"), "CheckoutPage"),
});

const orders = createRoute({
  getParentRoute: () => root,
  path: "/orders",
  validateSearch: (raw: Record<string, unknown>): { status?: string } =>
    typeof raw.status === "string" && /^[a-z_]+$/.test(raw.status) ? { status: raw.status } : {},
  component: lazyRouteComponent(() => import("@/features/orders/OrdersPage"), "OrdersPage"),
});

const order = createRoute({
  getParentRoute: () => root,
  path: "/orders/$id",
  validateSearch: (raw: Record<string, unknown>): { session_id?: string } =>
    typeof raw.session_id === "string" ? { session_id: raw.session_id } : {},
  component: lazyRouteComponent(() => import("@/features/orders/OrderPage"), "OrderPage"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: readNext,
  component: lazyRouteComponent(() => import("@/features/account/SignInPage"), "SignInPage"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: readNext,
  component: lazyRouteComponent(() => import("@/features/account/RegisterPage"), "RegisterPage"),
});

const forgot = createRoute({
  getParentRoute: () => root,
  path: "/forgot",
  component: lazyRouteComponent(() => import("@/features/account/ForgotPage"), "ForgotPage"),
});

const reset = createRoute({
  getParentRoute: () => root,
  path: "/reset",
  validateSearch: readToken,
  component: lazyRouteComponent(() => import("@/features/account/ResetPage"), "ResetPage"),
});

const verify = createRoute({
  getParentRoute: () => root,
  path: "/verify",
  validateSearch: readToken,
  component: lazyRouteComponent(() => import("@/features/account/VerifyPage"), "VerifyPage"),
});

interface AdminSearch {
  q?: string;
  status?: string;
}

function readAdminSearch(raw: Record<string, unknown>): AdminSearch {
  return {
    ...(typeof raw.q === "string" && raw.q && { q: raw.q.slice(0, 200) }),
    ...(typeof raw.status === "string" && /^[a-z_]+$/.test(raw.status) && { status: raw.status }),
  };
}

interface AdminProductSearch {
  q?: string;
  status?: "active" | "draft" | "archived";
  low_stock?: true;
}

function readAdminProductSearch(raw: Record<string, unknown>): AdminProductSearch {
  const status = (["active", "draft", "archived"] as const).find((known) => known === raw.status);
  return {
    ...(typeof raw.q === "string" && raw.q && { q: raw.q.slice(0, 200) }),
    ...(status && { status }),
    ...((raw.low_stock === "true" || raw.low_stock === true) && { low_stock: true }),
  };
}

const adminOrders = createRoute({
  getParentRoute: () => root,
  path: "/admin/orders",
  validateSearch: readAdminSearch,
  component: lazyRouteComponent(() => import("@/features/admin/OrdersPage"), "AdminOrdersPage"),
});

const adminOrder = createRoute({
  getParentRoute: () => root,
  path: "/admin/orders/$id",
  component: lazyRouteComponent(() => import("@/features/admin/OrderPage"), "AdminOrderPage"),
});

const adminProducts = createRoute({
  getParentRoute: () => root,
  path: "/admin/products",
  validateSearch: readAdminProductSearch,
  component: lazyRouteComponent(() => import("@/features/admin/ProductsPage"), "AdminProductsPage"),
});

const newProduct = createRoute({
  getParentRoute: () => root,
  path: "/admin/products/new",
  component: lazyRouteComponent(() => import("@/features/admin/ProductPage"), "NewProductPage"),
});

const adminProduct = createRoute({
  getParentRoute: () => root,
  path: "/admin/products/$id",
  component: lazyRouteComponent(() => import("@/features/admin/ProductPage"), "AdminProductPage"),
});

const adminUsers = createRoute({
  getParentRoute: () => root,
  path: "/admin/users",
  component: lazyRouteComponent(() => import("@/features/admin/UsersPage"), "UsersPage"),
});

const adminEmails = createRoute({
  getParentRoute: () => root,
  path: "/admin/mails",
  component: lazyRouteComponent(() => import("@/features/admin/EmailsPage"), "EmailsPage"),
});

const adminSystem = createRoute({
  getParentRoute: () => root,
  path: "/admin/system",
  component: lazyRouteComponent(() => import("@/features/admin/SystemPage"), "SystemPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    ...[home, products, product, cart, checkout, orders, order],
    ...[settings, signIn, register, forgot, reset, verify],
    ...[adminOrders, adminOrder, adminProducts, newProduct, adminProduct, adminUsers, adminEmails, adminSystem],
  ]),
  // Search parameters are plain strings: `q=007` stays a string, and values are not JSON-encoded.
  parseSearch: parseSearchWith((value) => value),
  stringifySearch: stringifySearchWith(String),
  defaultPreload: "intent",
  defaultPreloadDelay: 80,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
