import { texts as common } from "@/texts/common";
import { ActionIcon } from "@mantine/core";
import { IconMinus, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import classes from "./QuantityInput.module.css";

interface QuantityInputProps {
  value: number;
  onChange: (quantity: number) => void;
  /** The accessible name of the field. */
  label: string;
  max?: number;
  disabled?: boolean;
}

/** The API's limit for one line of a cart. */
export const MAX_QUANTITY = 999;

/**
 * A field for a whole number with a button on either side. It shows a change at once, even if the parent updates `value`
 * later. Typed input counts as soon as it is a number, and is corrected to the allowed range on blur.
 */
export function QuantityInput({ value, onChange, label, max = MAX_QUANTITY, disabled = false }: QuantityInputProps) {
  const highest = Math.max(1, Math.min(max, MAX_QUANTITY));
  const [given, setGiven] = useState(value);
  const [shown, setShown] = useState(String(value));
  if (given !== value) {
    setGiven(value);
    setShown(String(value));
  }
  const now = Number(shown) || value;

  function setQuantity(next: number) {
    const within = Math.min(Math.max(next, 1), highest);
    setShown(String(within));
    if (within !== now) onChange(within);
  }

  return (
    <div className={classes.quantity}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label={common.decreaseQuantity}
        disabled={disabled || now <= 1}
        onClick={() => setQuantity(now - 1)}
      >
        <IconMinus size={18} />
      </ActionIcon>
      <input
        className={classes.input}
        aria-label={label}
        inputMode="numeric"
        autoComplete="off"
        maxLength={3}
        disabled={disabled}
        value={shown}
        onChange={(event) => {
          const digits = event.currentTarget.value.replaceAll(/\D/g, "");
          setShown(digits);
          if (Number(digits) >= 1) onChange(Number(digits));
        }}
        onBlur={() => setQuantity(now)}
        onKeyDown={(event) => {
          const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          setQuantity(now + by);
        }}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label={common.increaseQuantity}
        disabled={disabled || now >= highest}
        onClick={() => setQuantity(now + 1)}
      >
        <IconPlus size={18} />
      </ActionIcon>
    </div>
  );
}
