import { describeError, isDefinite, isRefusal, Refusal } from "@/api/problem";
import type { Cart, Money, Order } from "@/api/schemas";
import { money } from "@/format/money";
import { shortages } from "@/orders/shortages";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import classes from "./CheckoutPage.module.css";

interface CheckoutProblemProps {
  /** What placing the order was refused with, or what an order that was being prepared was rejected for. */
  failure: Error | NonNullable<Order["failure"]>;
  cart: Cart;
  onTakeWhatThereIs: (items: unknown) => Promise<void>;
  /** For what may work the next time, where there is no other button to press again. */
  onAskAgain: (() => unknown) | undefined;
}

/** Why the order was not placed, and the way on from there. */
export function CheckoutProblem({ failure, cart, onTakeWhatThereIs, onAskAgain }: CheckoutProblemProps) {
  const [working, setWorking] = useState(false);
  const error = failure instanceof Error ? failure : new Refusal({ ...failure, detail: "The order could not be placed." }, 409);
  async function take(items: unknown) {
    setWorking(true);
    await onTakeWhatThereIs(items);
    setWorking(false);
  }

  if (isRefusal(error, "out_of_stock")) {
    const short = shortages(error.facts.items);
    return (
      <Notice error={error}>
        Somebody was faster. Nothing was ordered and nothing charged.
        <ul className={classes.shortage}>
          {short.map(({ variantId, available }) => {
            const line = cart.items.find((item) => item.variant_id === variantId);
            return (
              <li key={variantId}>
                {line?.name ?? "One of the products"}: {available === 0 ? "sold out" : `${available} left`}
              </li>
            );
          })}
        </ul>
        <Group>
          <Button size="sm" loading={working} onClick={() => void take(error.facts.items)}>
            {short.every(({ available }) => available === 0) ? "Remove what is sold out" : "Take what there is"}
          </Button>
          <Link to="/cart" className="quiet-link">
            Change the cart
          </Link>
        </Group>
      </Notice>
    );
  }
  if (isRefusal(error, "total_changed")) {
    const { total } = error.facts;
    return (
      <Notice error={error}>
        A price changed while you were here. {isMoney(total) && <>It is {money(total)} now. </>}Nothing was charged: look at the new
        total and pay if you agree.
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
  return (
    <Notice error={error}>
      {onAskAgain && !isDefinite(error) && (
        <>
          {describeError(error).text}
          <Group mt="sm">
            <Button size="sm" variant="default" onClick={() => void onAskAgain()}>
              Try again
            </Button>
          </Group>
        </>
      )}
    </Notice>
  );
}

function isMoney(value: unknown): value is Money {
  return typeof value === "object" && value !== null && "amount" in value && "currency" in value;
}
