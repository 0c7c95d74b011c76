import { useRegister } from "@/api/accounts";
import { fieldErrors, isRefusal } from "@/api/problem";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/session";
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

export function RegisterForm({ onDone, submitLabel = common.createAccount }: RegisterFormProps) {
  const register = useRegister();
  const form = useForm({
    initialValues: { name: "", email: "", password: "" },
    validate: {
      name: (value) => (value.trim() ? null : common.enterName),
      email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : texts.enterValidEmail),
      password: (value) => ([...value].length >= MIN_LENGTH ? null : common.tooShort(MIN_LENGTH)),
    },
  });
  // The registration was accepted but the sign-in was not: the address belongs to an account that already exists.
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
          <Notice error={register.error} title={taken ? texts.accountExists : undefined}>
            {taken ? texts.accountExistsText : undefined}
          </Notice>
        )}
        <TextInput label={common.name} name="name" autoComplete="name" maxLength={200} {...form.getInputProps("name")} />
        <EmailField {...form.getInputProps("email")} />
        <NewPassword label={common.password} name="password" {...form.getInputProps("password")} />
        <Button type="submit" size="md" loading={register.isPending} fullWidth>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
