import { PasswordField } from "@/ui/PasswordField";
import type { PasswordInputProps } from "@mantine/core";
import { useId } from "react";
import classes from "./NewPassword.module.css";
import { strengthOf } from "./passwords";

interface NewPasswordProps extends Omit<PasswordInputProps, "value" | "onChange"> {
  value?: string;
  onChange?: (value: string) => void;
}

/** A field for a new password, with a strength meter. */
export function NewPassword({ value = "", onChange, ...rest }: NewPasswordProps) {
  const { score, text } = strengthOf(value);
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
      <p id={hint} className={classes.hint} aria-live="polite">
        {text}
      </p>
    </div>
  );
}
