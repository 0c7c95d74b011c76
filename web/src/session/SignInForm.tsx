import { useSignIn } from "@/api/accounts";
import { fieldErrors, isRefusal } from "@/api/problem";
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
  /** The person goes to another page instead of signing in. */
  onLeave?: () => void;
  submitLabel?: string;
}

/** Signs in, on its own page, in the checkout and over a page whose session ended. */
export function SignInForm({ email = "", onDone, onLeave, submitLabel = "Sign in" }: SignInFormProps) {
  const signIn = useSignIn();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { email, password: "" },
    validate: {
      email: (value) => (value.trim() ? null : "Enter your email address."),
      password: (value) => (value ? null : "Enter your password."),
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
        <Notice error={signIn.error} title={refused ? "That did not sign you in" : undefined}>
          {refused ? "Email address and password do not belong together. Check both and try again." : undefined}
        </Notice>
        <EmailField key={form.key("email")} {...form.getInputProps("email")} />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          key={form.key("password")}
          {...form.getInputProps("password")}
        />
        <Link to="/forgot" className="quiet-link" onClick={onLeave}>
          Forgot your password?
        </Link>
        <Button type="submit" size="md" loading={signIn.isPending} fullWidth>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
