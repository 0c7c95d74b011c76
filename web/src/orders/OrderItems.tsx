import type { OrderItem } from "@/api/schemas";
import { texts } from "@/texts/orders";
import { Price } from "@/ui/Price";
import { Link } from "@tanstack/react-router";
import classes from "./OrderItems.module.css";

export function OrderItems({ items }: { items: readonly OrderItem[] }) {
  return (
    <ul className={classes.items}>
      {items.map((item) => (
        <li key={item.variant_id}>
          <span className={classes.quantity}>{texts.quantity(item.quantity)}</span>
          <span className={classes.what}>
            <Link to="/products/$slug" params={{ slug: item.product_id }} className={classes.name}>
              {item.name}
            </Link>
            <span className={classes.options}>
              {[...Object.values(item.options), item.sku].join(" · ")}
            </span>
          </span>
          <Price of={item.total} />
        </li>
      ))}
    </ul>
  );
}
