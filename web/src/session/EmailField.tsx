import { texts as common } from "@/texts/common";
import { TextInput, type TextInputProps } from "@mantine/core";

/** The email address of an account. Password managers treat it as the username. */
export function EmailField(props: TextInputProps) {
  return (
    <TextInput label={common.email} type="email" name="email" autoComplete="username" inputMode="email" maxLength={320} {...props} />
  );
}
