import type { Product, Variant } from "@/api/schemas";
import { expect, test } from "vitest";
import { availability, choose, chosenVariant, firstChoice } from "./variants";

const variant = (size: string, color: string, amount: number, available: number): Variant => ({
  id: `${size}-${color}`,
  sku: `${size}-${color}`,
  options: { size, color },
  price: { amount, currency: "USD" },
  stock: { available },
});

const shirt = {
  options: [
    { name: "size", values: ["S", "L"] },
    { name: "color", values: ["red", "blue"] },
  ],
  variants: [variant("S", "red", 900, 0), variant("S", "blue", 1000, 3), variant("L", "blue", 1200, 1)],
} as Product;

test("starts with the cheapest variant in stock", () => {
  expect(firstChoice(shirt)).toEqual({ size: "S", color: "blue" });
});

test("starts with the cheapest variant if everything is sold out", () => {
  const gone = { ...shirt, variants: shirt.variants.map((one) => ({ ...one, stock: { available: 0 } })) };
  expect(firstChoice(gone)).toEqual({ size: "S", color: "red" });
});

test("distinguishes sold out from missing combinations", () => {
  expect(availability(shirt, { size: "S", color: "blue" }, "color", "red")).toBe("sold_out");
  expect(availability(shirt, { size: "L", color: "blue" }, "color", "red")).toBe("missing");
  expect(availability(shirt, { size: "S", color: "blue" }, "size", "L")).toBe("available");
});

test("chooses the closest combination that exists", () => {
  expect(choose(shirt, { size: "S", color: "red" }, "size", "L")).toEqual({ size: "L", color: "blue" });
});

test("finds the only variant of a product without options", () => {
  const plain = { options: [], variants: [variant("", "", 1, 1)] } as unknown as Product;
  expect(chosenVariant(plain, {})?.sku).toBe("-");
});
