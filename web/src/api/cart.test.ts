import { expect, test } from "vitest";
import { countItems, withQuantity } from "./cart";
import type { Cart } from "./schemas";

const price = (amount: number) => ({ amount, currency: "USD" });
const line = (id: string, quantity: number, amount: number) => ({
  ...{ id, product_id: id, variant_id: id, sku: id, name: id, image: null, options: {}, available: 9 },
  ...{ quantity, unit_price: price(amount), total: price(amount * quantity) },
});
const cart: Cart = {
  ...{ id: "c", version: 1, currency: "USD", updated_at: null },
  items: [line("desk", 1, 24900), line("lamp", 2, 5000)],
  subtotal: price(34900),
};

test("computes the sums of a changed line as the API does", () => {
  const changed = withQuantity(cart, "lamp", 3);
  expect(changed.items.map(({ total }) => total.amount)).toEqual([24900, 15000]);
  expect(changed.subtotal.amount).toBe(39900);
});

test("removes a line whose quantity becomes zero", () => {
  const changed = withQuantity(cart, "desk", 0);
  expect(changed.items.map(({ id }) => id)).toEqual(["lamp"]);
  expect(changed.subtotal.amount).toBe(10000);
});

test("does not modify the cart that was passed in", () => {
  withQuantity(cart, "desk", 0);
  expect(countItems(cart)).toBe(3);
});
