import { useSignIn } from "@/api/accounts";
import { fieldErrors, isRefusal } from "@/api/problem";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/session";
import { Notice } from "@/ui/Failure";
import { focusFirstOf } from "@/ui/focus";
import { PasswordField } from "@/ui/PasswordField";
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { EmailField } from "./EmailField";

interface SignInFormProps {
  email?: string;
  onDone: () => void;
  /** Called when the user follows a link to another page instead. */
  onLeave?: () => void;
  submitLabel?: string;
}

/** The sign-in form, used by the sign-in page, the checkout and the dialog for an expired session. */
export function SignInForm({ email = "", onDone, onLeave, submitLabel = common.signIn }: SignInFormProps) {
  const signIn = useSignIn();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { email, password: "" },
    validate: {
      email: (value) => (value.trim() ? null : texts.enterEmail),
      password: (value) => (value ? null : texts.enterPassword),
    },
  });
  const refused = isRefusal(signIn.error) && signIn.error.status === 401;
  return (
    <form
      noValidate
      onSubmit={form.onSubmit(({ email: typed, password }) =>
        signIn.mutate(
          { email: typed.trim(), password },
          { onSuccess: onDone, onError: (error) => form.setErrors(fieldErrors(error) ?? {}) },
        ),
        focusFirstOf,
      )}
    >
      <Stack gap="md">
        <Notice error={signIn.error} title={refused ? texts.signInFailed : undefined}>
          {refused ? texts.wrongCredentials : undefined}
        </Notice>
        <EmailField key={form.key("email")} {...form.getInputProps("email")} />
        <PasswordField
          label={common.password}
          name="password"
          autoComplete="current-password"
          key={form.key("password")}
          {...form.getInputProps("password")}
        />
        <Link to="/forgot" className="quiet-link" onClick={onLeave}>
          {texts.forgotPassword}
        </Link>
        <Button type="submit" size="md" loading={signIn.isPending} fullWidth>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
