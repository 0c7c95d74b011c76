import { PasswordInput, type PasswordInputProps } from "@mantine/core";

/** Mantine's password field, with `aria-invalid` for screen readers, which the library does not set. */
export function PasswordField(props: PasswordInputProps) {
  return <PasswordInput {...props} aria-invalid={Boolean(props.error) || undefined} />;
}
