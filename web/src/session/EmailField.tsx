import { TextInput, type TextInputProps } from "@mantine/core";

/** The address of an account: password managers know it as the username. */
export function EmailField(props: TextInputProps) {
  return (
    <TextInput label="Email address" type="email" name="email" autoComplete="username" inputMode="email" maxLength={320} {...props} />
  );
}
