/** Paying: the page where it happens is Stripe's, so all there is here is the way to it and the way back. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newAttempt } from "./idempotency";

/** The open payment of an order, or a new one where the last has run out. */
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

/** Tells the shop that the buyer is back from Stripe's page, so that it asks Stripe instead of waiting to be told. */
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
