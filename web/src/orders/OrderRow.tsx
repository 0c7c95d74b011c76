import type { Order } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { Price } from "@/ui/Price";
import { IconChevronRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import classes from "./OrderRow.module.css";
import { OrderStatusBadge } from "./OrderStatusBadge";

/** An order in a list: the whole row leads to it. */
export function OrderRow({ order }: { order: Order }) {
  const pieces = order.items.reduce((sum, { quantity }) => sum + quantity, 0);
  const names = order.items.map(({ name }) => name).join(", ");
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <Link to="/orders/$id" params={{ id: order.id }} className={classes.link}>
          {order.number ?? "New order"}
        </Link>
        <p className={classes.names}>{names || "No items"}</p>
        <p className={classes.when}>
          {onDay(order.created_at)} · {pieces} {pieces === 1 ? "item" : "items"}
        </p>
      </div>
      <OrderStatusBadge status={order.status} />
      <span className={classes.total}>{order.total && <Price of={order.total} />}</span>
      <IconChevronRight size={20} className={classes.arrow} aria-hidden />
    </li>
  );
}

export function OrderRows({ orders }: { orders: readonly Order[] }) {
  return (
    <ul className={classes.rows}>
      {orders.map((order) => (
        <OrderRow key={order.id} order={order} />
      ))}
    </ul>
  );
}
