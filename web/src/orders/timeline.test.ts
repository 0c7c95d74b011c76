import type { Order, OrderStatus } from "@/api/schemas";
import { expect, test } from "vitest";
import { timeline } from "./timeline";

const order = (...states: OrderStatus[]): Pick<Order, "history" | "status"> => ({
  status: states.at(-1) ?? "pending",
  history: states.map((status, index) => ({ status, at: `2026-01-0${index + 1}T00:00:00Z` })),
});
const tones = (of: Pick<Order, "history" | "status">) => timeline(of).map(({ status, tone }) => `${status}:${tone}`);

test("shows the steps that follow", () => {
  expect(tones(order("pending", "awaiting_payment", "paid"))).toEqual([
    "pending:done",
    "awaiting_payment:done",
    "paid:current",
    "shipped:ahead",
    "delivered:ahead",
  ]);
});

test("shows no further steps after the order has ended", () => {
  expect(tones(order("pending", "awaiting_payment", "cancelled"))).toEqual([
    "pending:done",
    "awaiting_payment:done",
    "cancelled:ended",
  ]);
});

test("a delivered order is done", () => {
  expect(tones(order("pending", "awaiting_payment", "paid", "shipped", "delivered")).at(-1)).toBe("delivered:done");
});
