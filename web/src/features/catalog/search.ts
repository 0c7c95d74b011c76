/** The search and filters of the list of products, which are kept in the URL. */
import type { Facets, ProductQuery } from "@/api/schemas";

export const SORTS = ["relevance", "newest", "price", "-price", "name"] as const;
export type Sort = (typeof SORTS)[number];

export interface ProductSearch {
  q?: string;
  category?: string;
  /** In minor units, as in the API. */
  min_price?: number;
  max_price?: number;
  in_stock?: true;
  sort?: Sort;
}

/** Reads the search parameters of a URL; invalid ones are ignored. */
export function readSearch(raw: Record<string, unknown>): ProductSearch {
  const search: ProductSearch = {};
  const q = text(raw.q, 200);
  if (q) search.q = q;
  const category = text(raw.category, 60);
  if (category && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(category)) search.category = category;
  const min = amount(raw.min_price);
  const max = amount(raw.max_price);
  if (min !== null) search.min_price = min;
  if (max !== null && (min === null || max >= min)) search.max_price = max;
  if (raw.in_stock === "true" || raw.in_stock === true) search.in_stock = true;
  const sort = SORTS.find((known) => known === raw.sort);
  if (sort && (sort !== "relevance" || q)) search.sort = sort;
  return search;
}

/** The query parameters of the API call. */
export function toQuery({ in_stock, ...rest }: ProductSearch): Omit<ProductQuery, "cursor" | "limit" | "facets"> {
  return { ...rest, ...(in_stock && { in_stock: true }) };
}

export function isFiltered({ category, min_price, max_price, in_stock }: ProductSearch): boolean {
  return [category, min_price, max_price, in_stock].some((filter) => filter !== undefined);
}

/**
 * The number of products found, from the facets: category counts ignore the category, price counts ignore the price.
 * Null if it cannot be derived, that is without a category but with a price filter, or if all prices are similar.
 */
export function totalFound({ category, min_price, max_price }: ProductSearch, facets: Facets | null | undefined): number | null {
  if (!facets) return null;
  if (category) return facets.category.find(({ value }) => value === category)?.count ?? null;
  if (min_price !== undefined || max_price !== undefined || facets.price.length === 0) return null;
  return facets.price.reduce((sum, { count }) => sum + count, 0);
}

function text(value: unknown, longest: number): string {
  return typeof value === "string" ? value.replaceAll("\0", "").trim().slice(0, longest) : "";
}

function amount(value: unknown): number | null {
  const number = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}
