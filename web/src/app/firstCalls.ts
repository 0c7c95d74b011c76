/**
 * What a page asks the API for whoever looks at it, by the page's address, in the words in which it asks: a browser is
 * told with the page, and has the answer by the time the scripts want it. A page that stops asking leaves a warning in
 * the console, which the browser tests do not let pass.
 */
import { GIFTS, NEWEST } from "../features/home/shelves.ts";

const products = (query: object) =>
  `/api/products?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString()}`;

export const FIRST_CALLS: Readonly<Record<string, readonly string[]>> = {
  "*": ["/api/categories"],
  "/": [products(NEWEST), products(GIFTS)],
};
