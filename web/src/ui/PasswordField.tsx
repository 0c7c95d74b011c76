import { PasswordInput, type PasswordInputProps } from "@mantine/core";

/** A password field. The library's own marks a wrong one for the eye alone. */
export function PasswordField(props: PasswordInputProps) {
  return <PasswordInput {...props} aria-invalid={Boolean(props.error) || undefined} />;
}
