import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { OrderSums } from "./OrderSums";
import type { Sums, TaxLine } from "./sums";

afterEach(cleanup);

const usd = (amount: number) => ({ amount, currency: "USD" });
const line = (name: string, rate: string, amount: number, included: boolean): TaxLine => ({
  ...{ name, rate, included, basis_points: Math.round(Number(rate) * 100) },
  ...{ base: usd(10_000), amount: usd(amount) },
});

/** The rows as a person reads them, from top to bottom. */
function rowsOf(sums: Sums): string[] {
  const { container } = render(<OrderSums sums={sums} />);
  return [...container.querySelectorAll("dl > div")].map(
    (row) => `${row.querySelector("dt")?.textContent}: ${row.querySelector("dd")?.textContent}`,
  );
}

const quote: Sums = {
  ...{ subtotal: usd(10_000), discounts: [], shipping: usd(500) },
  ...{ tax: usd(0), tax_lines: [], prices_include_tax: false, total: usd(10_500) },
};

test("discounts are subtracted, with the code that was entered", () => {
  const discounts = [
    { name: "Summer sale", code: null, level: "item" as const, amount: usd(1_000) },
    { name: "Welcome", code: "HELLO5", level: "order" as const, amount: usd(450) },
  ];
  expect(rowsOf({ ...quote, discounts, total: usd(9_050) })).toEqual([
    "Subtotal: $100.00",
    "Summer sale: −$10.00",
    "Welcome (HELLO5): −$4.50",
    "Shipping: $5.00",
    "Total: $90.50",
  ]);
});

test("tax that is added to the prices is a row above the total", () => {
  const tax_lines = [line("Sales tax", "8.25", 825, false)];
  expect(rowsOf({ ...quote, tax: usd(825), tax_lines, total: usd(11_325) })).toEqual([
    "Subtotal: $100.00",
    "Shipping: $5.00",
    "Tax: $8.25",
    "Total: $113.25",
  ]);
});

test("tax that the prices include is named below the total", () => {
  const tax_lines = [line("VAT", "20", 1750, true)];
  expect(rowsOf({ ...quote, tax: usd(1750), tax_lines, prices_include_tax: true })).toEqual([
    "Subtotal: $100.00",
    "Shipping: $5.00",
    "Total: $105.00",
    "Includes tax: $17.50",
  ]);
});

test("included tax of several rates is named by rate", () => {
  const tax_lines = [line("VAT", "19", 1200, true), line("Reduced VAT", "4.875", 150, true)];
  expect(rowsOf({ ...quote, tax: usd(1350), tax_lines, prices_include_tax: true }).slice(-2)).toEqual([
    "Includes VAT (19%): $12.00",
    "Includes Reduced VAT (4.875%): $1.50",
  ]);
});

test("shipping that costs nothing is free", () => {
  expect(rowsOf({ ...quote, shipping: usd(0), total: usd(10_000) })).toContain("Shipping: Free");
});

test("a refund is subtracted below the total, which stays what was paid", () => {
  expect(rowsOf({ ...quote, refunded: usd(1_500) }).slice(-2)).toEqual(["Total: $105.00", "Refunded: −$15.00"]);
});

test("the total of an order that has not been priced is open", () => {
  expect(rowsOf({ subtotal: null, shipping: null, tax: null, total: null, refunded: null })).toEqual(["Total: …"]);
});

test("a cart has a subtotal only", () => {
  expect(rowsOf({ subtotal: usd(10_000) })).toEqual(["Subtotal: $100.00"]);
});
