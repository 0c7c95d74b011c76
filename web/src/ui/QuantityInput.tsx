import { ActionIcon } from "@mantine/core";
import { IconMinus, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import classes from "./QuantityInput.module.css";

interface QuantityInputProps {
  value: number;
  onChange: (quantity: number) => void;
  /** What the number counts, for screen readers. */
  label: string;
  max?: number;
  disabled?: boolean;
}

/** The API's own bound on one line. */
export const MAX_QUANTITY = 999;

/**
 * A whole number with its two buttons. It shows at once what was pressed or typed, also where whoever holds the value
 * takes their time; what is typed counts as soon as it is a number, and is put right on leaving.
 */
export function QuantityInput({ value, onChange, label, max = MAX_QUANTITY, disabled = false }: QuantityInputProps) {
  const most = Math.max(1, Math.min(max, MAX_QUANTITY));
  const [given, setGiven] = useState(value);
  const [shown, setShown] = useState(String(value));
  if (given !== value) {
    setGiven(value);
    setShown(String(value));
  }
  const now = Number(shown) || value;

  function become(next: number) {
    const within = Math.min(Math.max(next, 1), most);
    setShown(String(within));
    if (within !== now) onChange(within);
  }

  return (
    <div className={classes.quantity}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label="One fewer"
        disabled={disabled || now <= 1}
        onClick={() => become(now - 1)}
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
        onBlur={() => become(now)}
        onKeyDown={(event) => {
          const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          become(now + by);
        }}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label="One more"
        disabled={disabled || now >= most}
        onClick={() => become(now + 1)}
      >
        <IconPlus size={18} />
      </ActionIcon>
    </div>
  );
}
