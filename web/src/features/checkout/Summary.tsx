import type { Cart, Quote } from "@/api/schemas";
import { Card } from "@/ui/Card";
import { Picture } from "@/ui/Picture";
import { Price } from "@/ui/Price";
import { Totals } from "@/ui/Totals";
import { Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import classes from "./CheckoutPage.module.css";

/** What is being bought and what it comes to: the cart's own figures until the shop has quoted the order. */
export function Summary({ cart, quote, children }: { cart: Cart; quote?: Quote | undefined; children?: ReactNode }) {
  return (
    <Card className={classes.summary}>
      <div className={classes.summaryHead}>
        <Title order={2} size="h3">
          Your order
        </Title>
        <Link to="/cart" className={`quiet-link ${classes.edit}`}>
          Change
        </Link>
      </div>
      <ul className={classes.items}>
        {cart.items.map((item) => (
          <li key={item.id} className={classes.item}>
            <div className={classes.thumb}>
              <Picture image={item.image ? { url: item.image } : null} alt="" sizes="3.5rem" seed={item.name} />
              <span className={classes.pieces} aria-hidden>
                {item.quantity}
              </span>
            </div>
            <div>
              <div className={classes.name}>
                <span className="hidden-visually">{item.quantity} × </span>
                {item.name}
              </div>
              <div className={classes.options}>{Object.values(item.options).join(" · ")}</div>
            </div>
            <Price of={item.total} />
          </li>
        ))}
      </ul>
      <Totals
        lines={[
          { label: "Subtotal", of: quote?.subtotal ?? cart.subtotal },
          { label: "Shipping", of: quote?.shipping, freeAtZero: true },
          { label: "Tax", of: quote && quote.tax.amount > 0 ? quote.tax : null },
        ]}
        total={{ label: "Total", of: quote?.total ?? cart.subtotal }}
      />
      {children}
    </Card>
  );
}
