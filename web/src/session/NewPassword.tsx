import { PasswordField } from "@/ui/PasswordField";
import type { PasswordInputProps } from "@mantine/core";
import { useId } from "react";
import classes from "./NewPassword.module.css";
import { strengthOf } from "./passwords";

interface NewPasswordProps extends Omit<PasswordInputProps, "value" | "onChange"> {
  value?: string;
  onChange?: (value: string) => void;
}

/** A password that is being chosen, with what is said about it while typing. */
export function NewPassword({ value = "", onChange, ...rest }: NewPasswordProps) {
  const { score, words } = strengthOf(value);
  const hint = useId();
  return (
    <div>
      <PasswordField
        autoComplete="new-password"
        aria-describedby={hint}
        {...rest}
        value={value}
        onChange={(event) => onChange?.(event.currentTarget.value)}
      />
      <div className={classes.meter} data-score={score} aria-hidden>
        <i />
        <i />
        <i />
        <i />
      </div>
      <p id={hint} className={classes.words} aria-live="polite">
        {words}
      </p>
    </div>
  );
}
