import { useSetQuantity } from "@/api/cart";
import { isRefusal } from "@/api/problem";
import type { CartItem, Money } from "@/api/schemas";
import { money } from "@/format/money";
import { Picture } from "@/ui/Picture";
import { Price } from "@/ui/Price";
import { QuantityInput } from "@/ui/QuantityInput";
import { toastFailure } from "@/ui/toast";
import { useFocusMainOnUnmount } from "@/ui/useFocusMainOnUnmount";
import { Button } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import classes from "./CartLine.module.css";

export function CartLine({ item, formerPrice }: { item: CartItem; formerPrice: Money | undefined }) {
  const change = useSetQuantity();
  const line = useFocusMainOnUnmount<HTMLLIElement>();
  const [refused, setRefused] = useState<string | null>(null);

  function set(quantity: number) {
    setRefused(null);
    change.mutate(
      { id: item.id, quantity },
      {
        onError: (error) => {
          if (isRefusal(error, "out_of_stock")) setRefused(explainStock(error.facts.available));
          else toastFailure(error);
        },
      },
    );
  }
  // Ten clicks on "one more" are one wish.
  const setSoon = useDebouncedCallback(set, 250);
  const options = Object.values(item.options).join(" · ");
  const gone = item.available === 0;
  return (
    <li ref={line} className={classes.line} data-short={item.quantity > item.available || undefined}>
      <div className={classes.picture}>
        <Picture image={item.image ? { url: item.image } : null} alt="" sizes="6rem" seed={item.name} />
      </div>
      <div className={classes.text}>
        <Link to="/products/$slug" params={{ slug: item.product_id }} className={classes.name}>
          {item.name}
        </Link>
        {options && <p className={classes.options}>{options}</p>}
        <p className={classes.unit}>
          <Price of={item.unit_price} /> each
          {formerPrice && <span className={classes.former}> (was {money(formerPrice)})</span>}
        </p>
        <Problem item={item} refused={refused} onTakeRest={() => set(item.available)} />
      </div>
      <div className={classes.quantity}>
        <QuantityInput
          label={`Quantity of ${item.name}`}
          value={item.quantity}
          disabled={gone}
          onChange={(quantity) => quantity !== item.quantity && setSoon(quantity)}
        />
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => set(0)} aria-label={`Remove ${item.name}`}>
          Remove
        </Button>
      </div>
      <p className={classes.total}>
        <Price of={item.total} />
      </p>
    </li>
  );
}

interface ProblemProps {
  item: CartItem;
  refused: string | null;
  onTakeRest: () => void;
}

function Problem({ item, refused, onTakeRest }: ProblemProps) {
  if (item.available === 0) return <p className={classes.problem}>Sold out meanwhile. Remove it to go on.</p>;
  if (item.quantity > item.available) {
    return (
      <p className={classes.problem}>
        Only {item.available} left.{" "}
        <button type="button" className={classes.inline} onClick={onTakeRest}>
          Take {item.available}
        </button>
      </p>
    );
  }
  return (
    <p className={classes.problem} role="status">
      {refused}
    </p>
  );
}

function explainStock(available: unknown): string {
  return typeof available === "number" ? `There are only ${available} of these.` : "There are not that many of these.";
}
