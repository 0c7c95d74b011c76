/** An order's way in steps: what has happened, with its time, and what is still to come. */
import type { Order, OrderStatus } from "@/api/schemas";

export interface Step {
  status: OrderStatus;
  label: string;
  /** Null for what has not happened yet. */
  at: string | null;
  tone: "done" | "current" | "ahead" | "ended";
}

const LABELS: Readonly<Record<OrderStatus, string>> = {
  pending: "Order placed",
  awaiting_payment: "Set aside for you, waiting for payment",
  paid: "Paid",
  shipped: "Handed to the carrier",
  delivered: "Delivered",
  refunding: "Refund started",
  refunded: "Refunded",
  cancelled: "Cancelled",
  rejected: "Could not be fulfilled",
};

const USUAL: readonly OrderStatus[] = ["pending", "awaiting_payment", "paid", "shipped", "delivered"];
const ENDED: readonly OrderStatus[] = ["refunding", "refunded", "cancelled", "rejected"];

export function timeline({ history, status }: Pick<Order, "history" | "status">): Step[] {
  const happened = history.map(({ status: at, at: time }, index): Step => {
    const last = index === history.length - 1;
    const tone = ENDED.includes(at) ? "ended" : last && at !== "delivered" ? "current" : "done";
    return { status: at, label: LABELS[at], at: time, tone };
  });
  if (ENDED.includes(status)) return happened;
  const ahead = USUAL.slice(USUAL.indexOf(status) + 1).map((to): Step => ({ status: to, label: LABELS[to], at: null, tone: "ahead" }));
  return [...happened, ...ahead];
}
