import type { OrderStatus } from "@/api/schemas";
import { texts } from "@/texts/orders";
import { Badge } from "@mantine/core";

const COLORS: Readonly<Record<OrderStatus, string>> = {
  pending: "gray",
  awaiting_payment: "clay",
  paid: "teal",
  shipped: "teal",
  delivered: "moss",
  refunding: "clay",
  refunded: "gray",
  cancelled: "gray",
  rejected: "clay",
};

/** All statuses as the options of a select. */
export const ORDER_STATUSES = Object.entries(texts.statuses).map(([value, label]) => ({ value, label }));

export function OrderStatusBadge({ status }: { status: OrderStatus }) {
  return (
    <Badge color={COLORS[status]} variant="light" size="lg" radius="sm" tt="none" fw={600}>
      {texts.statuses[status]}
    </Badge>
  );
}
