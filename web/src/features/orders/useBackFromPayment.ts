/** Confirms the payment when the buyer returns from Stripe's page. */
import { notifyCartChanged } from "@/api/cart";
import { useConfirmPayment } from "@/api/payments";
import type { Order } from "@/api/schemas";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

export type Confirming = "no" | "yes" | "slow";

/** After this time the page says that an email will follow. */
const SLOW_AFTER_MS = 45_000;
/** The service removes bought items from the cart asynchronously, shortly after the payment. */
const REFETCH_CART_AFTER_MS = [0, 1000, 5000];
const NOT_PAID = ["requires_payment", "closed"];

export function useBackFromPayment(order: Order, back: boolean): Confirming {
  const client = useQueryClient();
  const confirm = useConfirmPayment(order.id);
  const asked = useRef(false);
  const [slow, setSlow] = useState(false);
  const waiting = back && order.status === "awaiting_payment";
  const paymentId = order.payment?.id;

  useEffect(() => {
    if (!waiting || !paymentId || asked.current) return;
    asked.current = true;
    confirm.mutate(paymentId);
  }, [waiting, paymentId, confirm]);

  useEffect(() => {
    if (!waiting) return undefined;
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, [waiting]);

  const paid = back && order.status === "paid";
  useEffect(() => {
    // Not cleared on unmount: the header of every page shows the cart.
    if (paid) for (const after of REFETCH_CART_AFTER_MS) setTimeout(() => notifyCartChanged(client), after);
  }, [paid, client]);

  // Stripe may report that nothing was paid: the buyer left the payment page without paying.
  if (!waiting || (confirm.data && NOT_PAID.includes(confirm.data.status))) return "no";
  return slow ? "slow" : "yes";
}
