import type { Order } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/orders";
import { Price } from "@/ui/Price";
import { IconChevronRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import classes from "./OrderRow.module.css";
import { OrderStatusBadge } from "./OrderStatusBadge";

/** A row of a list of orders; the whole row links to the order. */
export function OrderRow({ order }: { order: Order }) {
  const count = order.items.reduce((sum, { quantity }) => sum + quantity, 0);
  const names = order.items.map(({ name }) => name).join(", ");
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <Link to="/orders/$id" params={{ id: order.id }} className={classes.link}>
          {order.number ?? texts.newOrder}
        </Link>
        <p className={classes.names}>{names || texts.noItems}</p>
        <p className={classes.when}>
          {onDay(order.created_at)} · {common.items(count)}
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
