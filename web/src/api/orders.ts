/** Queries and mutations of orders: those of the current user, or all of them for an admin. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newAttempt } from "./idempotency";
import type { Order, OrderQuery, PlaceOrder, QuoteRequest } from "./schemas";

const KEY = ["orders"] as const;

export const ordersQuery = (query: Omit<OrderQuery, "cursor">) =>
  infiniteQueryOptions({
    queryKey: [...KEY, "list", query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/orders", { params: { query: { ...query, ...(pageParam && { cursor: pageParam }) } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    staleTime: 5_000,
  });

export const recentOrdersQuery = (query: OrderQuery) =>
  queryOptions({
    queryKey: [...KEY, "recent", query],
    queryFn: async ({ signal }) => (await answer(api.GET("/api/orders", { params: { query }, signal }))).items,
    staleTime: 5_000,
  });

export const orderQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, "one", id],
    queryFn: ({ signal }) => answer(api.GET("/api/orders/{id}", { params: { path: { id } }, signal })),
    staleTime: 2_000,
  });

export const quoteQuery = (body: QuoteRequest, cartVersion: number) =>
  queryOptions({
    queryKey: [...KEY, "quote", cartVersion, body],
    queryFn: ({ signal }) => answer(api.POST("/api/orders/quote", { body, signal })),
    staleTime: 5_000,
    placeholderData: (previous) => previous,
  });

export function cacheOrder(client: QueryClient, order: Order): void {
  client.setQueryData([...KEY, "one", order.id], order);
  void client.invalidateQueries({ queryKey: [...KEY, "list"] });
  void client.invalidateQueries({ queryKey: [...KEY, "recent"] });
}

export function usePlaceOrder() {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (body: PlaceOrder) =>
      attempt.run(body, (key) =>
        answer(api.POST("/api/orders", { body, params: { header: { "Idempotency-Key": key } } })),
      ),
    onSuccess: (order) => cacheOrder(client, order),
  });
}

export function useCancelOrder(id: string) {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: () =>
      attempt.run(null, (key) =>
        answer(api.POST("/api/orders/{id}/cancel", { params: { path: { id }, header: { "Idempotency-Key": key } } })),
      ),
    onSuccess: (order) => {
      cacheOrder(client, order);
      void client.invalidateQueries({ queryKey: ["cart"] });
    },
    onError: () => client.invalidateQueries({ queryKey: [...KEY, "one", id] }),
  });
}
