import { ActionIcon, NumberInput, type NumberInputHandlers } from "@mantine/core";
import { IconMinus, IconPlus } from "@tabler/icons-react";
import { useRef } from "react";
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
export const MOST = 999;

export function QuantityInput({ value, onChange, label, max = MOST, disabled = false }: QuantityInputProps) {
  const handlers = useRef<NumberInputHandlers>(null);
  const most = Math.max(1, Math.min(max, MOST));
  return (
    <div className={classes.quantity}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label="One fewer"
        disabled={disabled || value <= 1}
        onClick={() => handlers.current?.decrement()}
      >
        <IconMinus size={18} />
      </ActionIcon>
      <NumberInput
        handlersRef={handlers}
        aria-label={label}
        variant="unstyled"
        hideControls
        allowDecimal={false}
        allowNegative={false}
        min={1}
        max={most}
        clampBehavior="blur"
        value={value}
        disabled={disabled}
        onChange={(next) => {
          if (typeof next === "number" && Number.isInteger(next) && next >= 1 && next <= MOST) onChange(next);
        }}
        classNames={{ input: classes.input ?? "" }}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        size={42}
        aria-label="One more"
        disabled={disabled || value >= most}
        onClick={() => handlers.current?.increment()}
      >
        <IconPlus size={18} />
      </ActionIcon>
    </div>
  );
}
