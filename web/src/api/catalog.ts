/** Queries for public products and categories. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, openApi } from "./client";
import type { ProductQuery } from "./schemas";

export const PAGE = 24;

/** For queries that the router prefetches: a component that mounts after a failed prefetch must not send them again. */
const PREFETCHED = { retryOnMount: false };

export const categoriesQuery = queryOptions({
  queryKey: ["catalog", "categories"],
  queryFn: async ({ signal }) => (await answer(openApi.GET("/api/categories", { signal }))).items,
  staleTime: 5 * 60_000,
});

/** A short, fixed list of products, such as the new arrivals on the front page. */
export const shelfQuery = (query: ProductQuery) =>
  queryOptions({
    queryKey: ["catalog", "shelf", query],
    queryFn: async ({ signal }) => (await answer(openApi.GET("/api/products", { params: { query }, signal }))).items,
  });

/** All matching products, page by page. Facets are requested with the first page only. */
export const productsQuery = (query: Omit<ProductQuery, "cursor" | "limit" | "facets">) =>
  infiniteQueryOptions({
    queryKey: ["catalog", "products", query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        openApi.GET("/api/products", {
          params: { query: { ...query, limit: PAGE, ...(pageParam === null ? { facets: true } : { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    ...PREFETCHED,
    placeholderData: keepPreviousData,
  });

export const productQuery = (slug: string) =>
  queryOptions({
    queryKey: ["catalog", "product", slug],
    queryFn: ({ signal }) => answer(openApi.GET("/api/products/{id}", { params: { path: { id: slug } }, signal })),
    ...PREFETCHED,
    staleTime: 10_000,
  });
