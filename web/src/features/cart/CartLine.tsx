import { useSetQuantity } from "@/api/cart";
import { isRefusal } from "@/api/problem";
import type { CartItem, Money } from "@/api/schemas";
import { money } from "@/format/money";
import { texts } from "@/texts/cart";
import { texts as common } from "@/texts/common";
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
  // Several clicks on a button are sent as one change.
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
          <span className="numbers">{texts.each(money(item.unit_price))}</span>
          {formerPrice && <span className={classes.former}> {texts.formerPrice(money(formerPrice))}</span>}
        </p>
        <Problem item={item} refused={refused} onChangeToAvailable={() => set(item.available)} />
      </div>
      <div className={classes.quantity}>
        <QuantityInput
          label={common.quantityOf(item.name)}
          value={item.quantity}
          disabled={gone}
          onChange={(quantity) => quantity !== item.quantity && setSoon(quantity)}
        />
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => set(0)} aria-label={texts.removeItem(item.name)}>
          {texts.remove}
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
  onChangeToAvailable: () => void;
}

function Problem({ item, refused, onChangeToAvailable }: ProblemProps) {
  if (item.available === 0) return <p className={classes.problem}>{texts.soldOut}</p>;
  if (item.quantity > item.available) {
    return (
      <p className={classes.problem}>
        {texts.onlyLeft(item.available)}{" "}
        <button type="button" className={classes.inline} onClick={onChangeToAvailable}>
          {texts.changeTo(item.available)}
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
  return typeof available === "number" ? texts.onlyAvailable(available) : texts.notThatMany;
}
