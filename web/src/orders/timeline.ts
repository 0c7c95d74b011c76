/** The steps of an order: those that have happened, with their time, and those that follow. */
import type { Order, OrderStatus } from "@/api/schemas";
import { texts } from "@/texts/orders";

export interface Step {
  status: OrderStatus;
  label: string;
  /** Null for a step that has not happened yet. */
  at: string | null;
  tone: "done" | "current" | "ahead" | "ended";
}


const USUAL: readonly OrderStatus[] = ["pending", "awaiting_payment", "paid", "shipped", "delivered"];
const ENDED: readonly OrderStatus[] = ["refunding", "refunded", "cancelled", "rejected"];

export function timeline({ history, status }: Pick<Order, "history" | "status">): Step[] {
  const happened = history.map(({ status: at, at: time }, index): Step => {
    const last = index === history.length - 1;
    const tone = ENDED.includes(at) ? "ended" : last && at !== "delivered" ? "current" : "done";
    return { status: at, label: texts.steps[at], at: time, tone };
  });
  if (ENDED.includes(status)) return happened;
  const ahead = USUAL.slice(USUAL.indexOf(status) + 1).map((to): Step => ({ status: to, label: texts.steps[to], at: null, tone: "ahead" }));
  return [...happened, ...ahead];
}
