/** The cart. Every page reads it for the badge; changes are optimistic and rolled back when the API refuses them. */
import { queryOptions, useIsMutating, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newAttempt } from "./idempotency";
import type { Cart, AddCartItem } from "./schemas";

const KEY = ["cart"] as const;
/** Changes to the cart run one at a time (same scope), so the last answer is the latest cart. */
const CHANGES = { mutationKey: ["cart", "change"], scope: { id: "cart" } };

export const cartQuery = queryOptions({
  queryKey: KEY,
  queryFn: ({ signal }) => answer(api.GET("/api/cart", { signal })),
  staleTime: 10_000,
});

export function countItems(cart: Cart | undefined): number {
  return cart?.items.reduce((sum, item) => sum + item.quantity, 0) ?? 0;
}

/** The shop has one currency; even an empty cart states it. */
export function useShopCurrency(): string {
  return useQuery(cartQuery).data?.currency ?? "USD";
}

export function refetchCart(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: KEY });
}

let otherTabs: BroadcastChannel | null = null;

/** Refetches the cart when another tab has changed it. */
export function syncWithOtherTabs(client: QueryClient): void {
  otherTabs = new BroadcastChannel("serai.cart");
  otherTabs.onmessage = () => void refetchCart(client);
}

/** Call this when the cart changed as a side effect, for example by a payment. */
export function notifyCartChanged(client: QueryClient): void {
  otherTabs?.postMessage("changed");
  void refetchCart(client);
}

/** Stores the answer only if no later change is pending: it would undo the optimistic update of that change. */
function settle(client: QueryClient, cart: Cart): void {
  otherTabs?.postMessage("changed");
  if (client.isMutating({ mutationKey: CHANGES.mutationKey }) <= 1) client.setQueryData(KEY, cart);
}

export function useAddToCart() {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    ...CHANGES,
    mutationFn: (item: AddCartItem) =>
      attempt.run(item, (key) =>
        answer(api.POST("/api/cart/items", { body: item, params: { header: { "Idempotency-Key": key } } })),
      ),
    onSuccess: (cart) => settle(client, cart),
  });
}

export function useSetQuantity() {
  const client = useQueryClient();
  return useMutation({
    ...CHANGES,
    mutationFn: ({ id, quantity }: { id: string; quantity: number }) =>
      quantity === 0
        ? answer(api.DELETE("/api/cart/items/{id}", { params: { path: { id } } }))
        : answer(api.PUT("/api/cart/items/{id}", { params: { path: { id } }, body: { quantity } })),
    onMutate: async ({ id, quantity }) => {
      await client.cancelQueries({ queryKey: KEY });
      const before = client.getQueryData<Cart>(KEY);
      if (before) client.setQueryData(KEY, withQuantity(before, id, quantity));
      return { before };
    },
    onError: (_error, _change, context) => {
      if (context?.before) client.setQueryData(KEY, context.before);
      void client.invalidateQueries({ queryKey: KEY });
    },
    onSuccess: (cart) => settle(client, cart),
  });
}

export function useCartIsChanging(): boolean {
  return useIsMutating({ mutationKey: CHANGES.mutationKey }) > 0;
}

/** The cart after a change of quantity, shown until the API answers. */
export function withQuantity(cart: Cart, id: string, quantity: number): Cart {
  const items = cart.items
    .filter((item) => item.id !== id || quantity > 0)
    .map((item) =>
      item.id === id
        ? { ...item, quantity, total: { ...item.unit_price, amount: item.unit_price.amount * quantity } }
        : item,
    );
  const amount = items.reduce((sum, item) => sum + item.total.amount, 0);
  return { ...cart, items, subtotal: { ...cart.subtotal, amount } };
}
