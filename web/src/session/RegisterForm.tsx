import { useRegister } from "@/api/accounts";
import { fieldErrors, isRefusal } from "@/api/problem";
import { Notice } from "@/ui/Failure";
import { focusFirstOf } from "@/ui/focus";
import { Button, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { EmailField } from "./EmailField";
import { NewPassword } from "./NewPassword";
import { MIN_LENGTH } from "./passwords";

interface RegisterFormProps {
  onDone: () => void;
  submitLabel?: string;
}

export function RegisterForm({ onDone, submitLabel = "Create account" }: RegisterFormProps) {
  const register = useRegister();
  const form = useForm({
    initialValues: { name: "", email: "", password: "" },
    validate: {
      name: (value) => (value.trim() ? null : "Enter your name."),
      email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : "Enter an email address such as ada@example.com."),
      password: (value) => ([...value].length >= MIN_LENGTH ? null : `Use at least ${MIN_LENGTH} characters.`),
    },
  });
  // The registration went through, but these do not sign in: the address belongs to an account that was there before.
  const taken = isRefusal(register.error) && register.error.status === 401;
  function show(errors: Record<string, string>) {
    form.setErrors(errors);
    focusFirstOf(errors);
  }

  return (
    <form
      noValidate
      onSubmit={form.onSubmit(({ name, email, password }) =>
        register.mutate(
          { name: name.trim(), email: email.trim(), password },
          { onSuccess: onDone, onError: (error) => show(fieldErrors(error) ?? {}) },
        ),
        focusFirstOf,
      )}
    >
      <Stack gap="md">
        {!fieldErrors(register.error) && (
          <Notice error={register.error} title={taken ? "You may have an account already" : undefined}>
            {taken ? "We could not sign you in with these. If you already have an account, sign in with its password." : undefined}
          </Notice>
        )}
        <TextInput label="Name" name="name" autoComplete="name" maxLength={200} {...form.getInputProps("name")} />
        <EmailField {...form.getInputProps("email")} />
        <NewPassword label="Password" name="password" {...form.getInputProps("password")} />
        <Button type="submit" size="md" loading={register.isPending} fullWidth>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
