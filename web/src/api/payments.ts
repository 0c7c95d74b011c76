/** Payments. The payment page is Stripe's; this module gets its address and confirms the payment afterwards. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newAttempt } from "./idempotency";

/** Returns the open payment of an order, or creates one if the last has expired. */
export function usePay(orderId: string) {
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: () =>
      attempt.run(orderId, (key) =>
        answer(
          api.POST("/api/payments", { body: { order_id: orderId }, params: { header: { "Idempotency-Key": key } } }),
        ),
      ),
  });
}

/** Makes the shop ask Stripe for the payment's status instead of waiting for the webhook. */
export function useConfirmPayment(orderId: string) {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (paymentId: string) =>
      attempt.run(paymentId, (key) =>
        answer(
          api.POST("/api/payments/{id}/confirm", {
            params: { path: { id: paymentId }, header: { "Idempotency-Key": key } },
          }),
        ),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["orders", "one", orderId] }),
  });
}
