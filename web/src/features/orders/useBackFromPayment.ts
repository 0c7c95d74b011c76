/** The buyer's way back from Stripe's page: the shop is told, asks Stripe, and the order turns paid by itself. */
import { notifyCartChanged } from "@/api/cart";
import { useConfirmPayment } from "@/api/payments";
import type { Order } from "@/api/schemas";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

export type Confirming = "no" | "yes" | "slow";

/** How long somebody is asked to wait in front of the page before it says that a mail will follow. */
const PATIENCE_MS = 45_000;
/** What was bought leaves the cart in a step of its own, some moments after the payment. */
const CART_FOLLOWS_AFTER_MS = [0, 1000, 5000];
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
    const timer = setTimeout(() => setSlow(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [waiting]);

  const paid = back && order.status === "paid";
  useEffect(() => {
    // They run also when the page is left: the cart is in the header of every page.
    if (paid) for (const after of CART_FOLLOWS_AFTER_MS) setTimeout(() => notifyCartChanged(client), after);
  }, [paid, client]);

  // Stripe says that nothing was paid: whoever came back may have gone to the page and left it again.
  if (!waiting || (confirm.data && NOT_PAID.includes(confirm.data.status))) return "no";
  return slow ? "slow" : "yes";
}
