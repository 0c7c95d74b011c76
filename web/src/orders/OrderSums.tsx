import type { Order } from "@/api/schemas";
import { Totals } from "@/ui/Totals";

export function OrderSums({ order }: { order: Order }) {
  return (
    <Totals
      lines={[
        { label: "Subtotal", of: order.subtotal },
        { label: "Shipping", of: order.shipping, freeAtZero: true },
        { label: "Tax", of: order.tax?.amount ? order.tax : null },
        { label: "Refunded", of: order.refunded?.amount ? order.refunded : null, minus: true },
      ]}
      total={{ label: "Total", of: order.total }}
    />
  );
}
