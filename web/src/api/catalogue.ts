/** Products and categories, as anybody sees them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, openApi } from "./client";
import type { ProductQuery } from "./schemas";

export const PAGE = 24;

/** Asked for by the router whenever their page is opened; a page that appears after the refusal need not ask again. */
const PREFETCHED = { retryOnMount: false };

export const categoriesQuery = queryOptions({
  queryKey: ["catalogue", "categories"],
  queryFn: async ({ signal }) => (await answer(openApi.GET("/api/categories", { signal }))).items,
  staleTime: 5 * 60_000,
});

/** A few products for a shelf on a page. */
export const shelfQuery = (query: ProductQuery) =>
  queryOptions({
    queryKey: ["catalogue", "shelf", query],
    queryFn: async ({ signal }) => (await answer(openApi.GET("/api/products", { params: { query }, signal }))).items,
  });

/** All products that match, page after page; the facets come with the first page. */
export const productsQuery = (query: Omit<ProductQuery, "cursor" | "limit" | "facets">) =>
  infiniteQueryOptions({
    queryKey: ["catalogue", "products", query],
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
    queryKey: ["catalogue", "product", slug],
    queryFn: ({ signal }) => answer(openApi.GET("/api/products/{id}", { params: { path: { id: slug } }, signal })),
    ...PREFETCHED,
    staleTime: 10_000,
  });
