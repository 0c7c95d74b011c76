import { describeError, isDefinite, isRefusal, Refusal } from "@/api/problem";
import type { Cart, Money, Order } from "@/api/schemas";
import { money } from "@/format/money";
import { shortages } from "@/orders/shortages";
import { texts } from "@/texts/checkout";
import { texts as common } from "@/texts/common";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import classes from "./CheckoutPage.module.css";

interface CheckoutProblemProps {
  /** The error of placing or quoting the order, or the reason why a placed order was rejected. */
  failure: Error | NonNullable<Order["failure"]>;
  cart: Cart;
  onUseAvailable: (items: unknown) => Promise<void>;
  /** Retries what failed, if no other button of the page does. */
  onRetry: (() => unknown) | undefined;
}

/** Says why the order was not placed, and offers a way to continue. */
export function CheckoutProblem({ failure, cart, onUseAvailable, onRetry }: CheckoutProblemProps) {
  const [working, setWorking] = useState(false);
  const error = failure instanceof Error ? failure : new Refusal({ ...failure, detail: texts.orderFailed }, 409);
  async function reduceCart(items: unknown) {
    setWorking(true);
    await onUseAvailable(items);
    setWorking(false);
  }

  if (isRefusal(error, "out_of_stock")) {
    const short = shortages(error.facts.items);
    return (
      <Notice error={error}>
        {texts.outOfStock}
        <ul className={classes.shortage}>
          {short.map(({ variantId, available }) => {
            const line = cart.items.find((item) => item.variant_id === variantId);
            return <li key={variantId}>{common.shortage(line?.name ?? texts.aProduct, available)}</li>;
          })}
        </ul>
        <Group>
          <Button size="sm" loading={working} onClick={() => void reduceCart(error.facts.items)}>
            {short.every(({ available }) => available === 0) ? texts.removeSoldOut : texts.useAvailable}
          </Button>
          <Link to="/cart" className="quiet-link">
            {texts.editCart}
          </Link>
        </Group>
      </Notice>
    );
  }
  if (isRefusal(error, "total_changed")) {
    const { total } = error.facts;
    return <Notice error={error}>{isMoney(total) ? texts.priceChangedTo(money(total)) : texts.priceChanged}</Notice>;
  }
  if (isRefusal(error, "total_not_payable")) {
    const { total, minimum, maximum } = error.facts;
    if (isMoney(total) && isMoney(minimum) && isMoney(maximum)) {
      const text = total.amount < minimum.amount ? texts.totalTooSmall(money(minimum)) : texts.totalTooLarge(money(maximum));
      return <Notice error={error}>{text}</Notice>;
    }
  }
  if (isRefusal(error, "checkout_in_progress") && typeof error.facts.order_id === "string") {
    return (
      <Notice error={error}>
        {texts.orderOpen}
        <Group mt="sm">
          <LinkButton to="/orders/$id" params={{ id: error.facts.order_id }} size="sm">
            {texts.viewOrder}
          </LinkButton>
        </Group>
      </Notice>
    );
  }
  return (
    <Notice error={error}>
      {onRetry && !isDefinite(error) && (
        <>
          {describeError(error).text}
          <Group mt="sm">
            <Button size="sm" variant="default" onClick={() => void onRetry()}>
              {common.tryAgain}
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
