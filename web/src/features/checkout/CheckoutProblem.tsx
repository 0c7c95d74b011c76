import { isRefusal, Refusal } from "@/api/problem";
import type { Cart, Money, Order } from "@/api/schemas";
import { money } from "@/format/money";
import { shortages } from "@/orders/shortages";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import classes from "./CheckoutPage.module.css";

interface CheckoutProblemProps {
  /** What placing the order was refused with, or what an order that was being prepared was rejected for. */
  failure: Error | NonNullable<Order["failure"]>;
  cart: Cart;
  total: Money | undefined;
  onTakeWhatThereIs: (items: unknown) => void;
}

/** Why the order was not placed, and the way on from there. */
export function CheckoutProblem({ failure, cart, total, onTakeWhatThereIs }: CheckoutProblemProps) {
  const error = failure instanceof Error ? failure : new Refusal({ ...failure, detail: "The order could not be placed." }, 409);
  if (isRefusal(error, "out_of_stock")) {
    return (
      <Notice error={error}>
        Somebody was faster. Nothing was ordered and nothing charged.
        <ul className={classes.shortage}>
          {shortages(error.facts.items).map(({ variantId, available }) => {
            const line = cart.items.find((item) => item.variant_id === variantId);
            return (
              <li key={variantId}>
                {line?.name ?? "One of the products"}: {available === 0 ? "sold out" : `${available} left`}
              </li>
            );
          })}
        </ul>
        <Group>
          <Button size="sm" onClick={() => onTakeWhatThereIs(error.facts.items)}>
            Take what there is
          </Button>
          <Link to="/cart" className="quiet-link">
            Change the cart
          </Link>
        </Group>
      </Notice>
    );
  }
  if (isRefusal(error, "total_changed")) {
    return (
      <Notice error={error}>
        A price changed while you were here. {total && <>It is {money(total)} now. </>}Nothing was charged: look at the new total and
        pay if you agree.
      </Notice>
    );
  }
  if (isRefusal(error, "checkout_in_progress") && typeof error.facts.order_id === "string") {
    return (
      <Notice error={error}>
        This cart is already part of an order that waits for its payment. Pay it, or cancel it to change the cart.
        <Group mt="sm">
          <LinkButton to="/orders/$id" params={{ id: error.facts.order_id }} size="sm">
            To that order
          </LinkButton>
        </Group>
      </Notice>
    );
  }
  return <Notice error={error} />;
}
