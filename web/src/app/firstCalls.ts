/**
 * The API calls that a page makes for every visitor, by the page's path, with exactly the URL that it requests. The page
 * is served with preload headers for them, so the answers arrive before the scripts need them. If a page stops making
 * such a call, the browser logs a warning, which fails the browser tests.
 */
import { GIFTS, NEWEST } from "../features/home/shelves.ts";

const products = (query: object) =>
  `/api/products?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString()}`;

export const FIRST_CALLS: Readonly<Record<string, readonly string[]>> = {
  "*": ["/api/categories"],
  "/": [products(NEWEST), products(GIFTS)],
};
