import type { Cart, Quote } from "@/api/schemas";
import { texts } from "@/texts/checkout";
import { OrderSums } from "@/orders/OrderSums";
import { sumsOf } from "@/orders/sums";
import { Card } from "@/ui/Card";
import { Picture } from "@/ui/Picture";
import { Price } from "@/ui/Price";

import { Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import classes from "./CheckoutPage.module.css";

/** The items and sums of the order. Until there is a quote, only the subtotal of the cart is known. */
export function Summary({ cart, quote, children }: { cart: Cart; quote?: Quote | undefined; children?: ReactNode }) {
  return (
    <Card className={classes.summary}>
      <div className={classes.summaryHead}>
        <Title order={2} size="h3">
          {texts.yourOrder}
        </Title>
        <Link to="/cart" className={`quiet-link ${classes.edit}`}>
          {texts.edit}
        </Link>
      </div>
      <ul className={classes.items}>
        {cart.items.map((item) => (
          <li key={item.id} className={classes.item}>
            <div className={classes.thumb}>
              <Picture image={item.image ? { url: item.image } : null} alt="" sizes="3.5rem" seed={item.name} />
              <span className={classes.quantity} aria-hidden>
                {item.quantity}
              </span>
            </div>
            <div>
              <div className={classes.name}>
                <span className="hidden-visually">{texts.quantity(item.quantity)}</span>
                {item.name}
              </div>
              <div className={classes.options}>{Object.values(item.options).join(" · ")}</div>
            </div>
            <Price of={item.total} />
          </li>
        ))}
      </ul>
      <OrderSums sums={quote ? sumsOf(quote) : { subtotal: cart.subtotal }} />
      {children}
    </Card>
  );
}
