import { useForgotPassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { EmailField } from "@/session/EmailField";
import { Notice } from "@/ui/Failure";
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

export function ForgotPage() {
  const forgot = useForgotPassword();
  const form = useForm({
    initialValues: { email: "" },
    validate: { email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : "Enter your email address.") },
  });
  if (forgot.isSuccess) {
    return (
      <AccountPage
        title="Look into your mail"
        intro={
          <>
            If there is an account for <strong>{forgot.variables}</strong>, a link to set a new password is on its way. It works for an
            hour, and once.
          </>
        }
      >
        <Button variant="default" fullWidth onClick={() => forgot.reset()}>
          Use another address
        </Button>
      </AccountPage>
    );
  }
  return (
    <AccountPage
      title="Forgot your password?"
      intro="Tell us your email address, and we send a link to set a new one."
      below={
        <Link to="/sign-in" className="quiet-link">
          Back to signing in
        </Link>
      }
    >
      <form
        noValidate
        onSubmit={form.onSubmit(({ email }) =>
          forgot.mutate(email.trim(), { onError: (error) => form.setErrors(fieldErrors(error) ?? {}) }),
        )}
      >
        <Stack gap="md">
          {!fieldErrors(forgot.error) && <Notice error={forgot.error} />}
          <EmailField {...form.getInputProps("email")} />
          <Button type="submit" size="md" fullWidth loading={forgot.isPending}>
            Send the link
          </Button>
        </Stack>
      </form>
    </AccountPage>
  );
}
