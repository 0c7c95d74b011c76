/** An order's state in words that a buyer uses. */
import type { OrderStatus } from "@/api/schemas";
import { Badge } from "@mantine/core";

const STATES: Readonly<Record<OrderStatus, { label: string; color: string }>> = {
  pending: { label: "Being prepared", color: "gray" },
  awaiting_payment: { label: "Waiting for payment", color: "clay" },
  paid: { label: "Paid", color: "teal" },
  shipped: { label: "On its way", color: "teal" },
  delivered: { label: "Delivered", color: "moss" },
  refunding: { label: "Refund under way", color: "clay" },
  refunded: { label: "Refunded", color: "gray" },
  cancelled: { label: "Cancelled", color: "gray" },
  rejected: { label: "Not possible", color: "clay" },
};

export const ORDER_STATUSES = Object.entries(STATES).map(([value, { label }]) => ({ value, label }));

export function stateLabel(status: OrderStatus): string {
  return STATES[status].label;
}

export function OrderStatusBadge({ status }: { status: OrderStatus }) {
  const { label, color } = STATES[status];
  return (
    <Badge color={color} variant="light" size="lg" radius="sm" tt="none" fw={600}>
      {label}
    </Badge>
  );
}
