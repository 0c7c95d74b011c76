import type { Product, Variant } from "@/api/schemas";
import { expect, test } from "vitest";
import { availability, choose, chosenVariant, firstChoice } from "./variants";

const variant = (size: string, colour: string, amount: number, available: number): Variant => ({
  id: `${size}-${colour}`,
  sku: `${size}-${colour}`,
  options: { size, colour },
  price: { amount, currency: "USD" },
  stock: { available },
});

const shirt = {
  options: [
    { name: "size", values: ["S", "L"] },
    { name: "colour", values: ["red", "blue"] },
  ],
  variants: [variant("S", "red", 900, 0), variant("S", "blue", 1000, 3), variant("L", "blue", 1200, 1)],
} as Product;

test("begins with the cheapest that can be bought", () => {
  expect(firstChoice(shirt)).toEqual({ size: "S", colour: "blue" });
});

test("begins with the cheapest where everything is sold out", () => {
  const gone = { ...shirt, variants: shirt.variants.map((one) => ({ ...one, stock: { available: 0 } })) };
  expect(firstChoice(gone)).toEqual({ size: "S", colour: "red" });
});

test("tells sold out from not made", () => {
  expect(availability(shirt, { size: "S", colour: "blue" }, "colour", "red")).toBe("sold_out");
  expect(availability(shirt, { size: "L", colour: "blue" }, "colour", "red")).toBe("missing");
  expect(availability(shirt, { size: "S", colour: "blue" }, "size", "L")).toBe("available");
});

test("goes to the nearest combination that is made", () => {
  expect(choose(shirt, { size: "S", colour: "red" }, "size", "L")).toEqual({ size: "L", colour: "blue" });
});

test("finds the only variant of a product without options", () => {
  const plain = { options: [], variants: [variant("", "", 1, 1)] } as unknown as Product;
  expect(chosenVariant(plain, {})?.sku).toBe("-");
});
