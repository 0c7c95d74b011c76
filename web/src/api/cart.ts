/** The cart: read by every page for the badge, changed optimistically and rolled back when the shop refuses. */
import { queryOptions, useIsMutating, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newTry } from "./idempotency";
import type { Cart, AddCartItem } from "./schemas";

const KEY = ["cart"] as const;
/** Changes to the cart go one after the other, so that the last answer is the latest cart. */
const CHANGES = { mutationKey: ["cart", "change"], scope: { id: "cart" } };

export const cartQuery = queryOptions({
  queryKey: KEY,
  queryFn: ({ signal }) => answer(api.GET("/api/cart", { signal })),
  staleTime: 10_000,
});

export function piecesIn(cart: Cart | undefined): number {
  return cart?.items.reduce((sum, item) => sum + item.quantity, 0) ?? 0;
}

/** The shop has one currency, and the cart tells it even while empty. */
export function useShopCurrency(): string {
  return useQuery(cartQuery).data?.currency ?? "USD";
}

export function forgetCart(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: KEY });
}

let otherTabs: BroadcastChannel | null = null;

/** One cart in two tabs is the same in both: a change in one has the others ask again. */
export function followOtherTabs(client: QueryClient): void {
  otherTabs = new BroadcastChannel("serai.cart");
  otherTabs.onmessage = () => void forgetCart(client);
}

/** For what changes the cart without being asked to, as a payment does. */
export function cartHasChanged(client: QueryClient): void {
  otherTabs?.postMessage("changed");
  void forgetCart(client);
}

/** Keeps the answer of the last change only: earlier ones would undo on screen what later ones already did. */
function settle(client: QueryClient, cart: Cart): void {
  otherTabs?.postMessage("changed");
  if (client.isMutating({ mutationKey: CHANGES.mutationKey }) <= 1) client.setQueryData(KEY, cart);
}

export function useAddToCart() {
  const client = useQueryClient();
  const [attempt] = useState(newTry);
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

/** The cart as it will be, computed like the shop does; its answer replaces this within moments. */
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
