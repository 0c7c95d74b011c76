import { useForgotPassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { EmailField } from "@/session/EmailField";
import { texts } from "@/texts/account";
import { Notice } from "@/ui/Failure";
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

export function ForgotPage() {
  const forgot = useForgotPassword();
  const form = useForm({
    initialValues: { email: "" },
    validate: { email: (value) => (/^[^\s@]+@[^\s@]+$/.test(value.trim()) ? null : texts.enterEmail) },
  });
  if (forgot.isSuccess) {
    return (
      <AccountPage title={texts.linkSent} intro={texts.linkSentText(forgot.variables)}>
        <Button variant="default" fullWidth onClick={() => forgot.reset()}>
          {texts.useAnotherAddress}
        </Button>
      </AccountPage>
    );
  }
  return (
    <AccountPage
      title={texts.forgot}
      intro={texts.forgotIntro}
      below={
        <Link to="/sign-in" className="quiet-link">
          {texts.backToSignIn}
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
            {texts.sendLink}
          </Button>
        </Stack>
      </form>
    </AccountPage>
  );
}
