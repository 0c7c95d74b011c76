import { useResetPassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { NewPassword } from "@/session/NewPassword";
import { MIN_LENGTH } from "@/session/passwords";
import { texts } from "@/texts/account";
import { texts as common } from "@/texts/common";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { getRouteApi, Link } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/reset");

export function ResetPage() {
  const { token } = route.useSearch();
  const reset = useResetPassword();
  const form = useForm({
    initialValues: { password: "" },
    validate: { password: (value) => ([...value].length >= MIN_LENGTH ? null : common.tooShort(MIN_LENGTH)) },
  });
  if (reset.isSuccess) {
    return (
      <AccountPage title={texts.passwordSet} intro={texts.passwordSetText}>
        <LinkButton to="/sign-in" size="md" fullWidth>
          {common.signIn}
        </LinkButton>
      </AccountPage>
    );
  }
  const wrong = fieldErrors(reset.error);
  const linkUnusable = !token || wrong?.token !== undefined || (reset.error !== null && !wrong);
  return (
    <AccountPage
      title={texts.reset}
      intro={token ? undefined : texts.resetLinkIncomplete}
      below={
        linkUnusable && (
          <Link to="/forgot" className="quiet-link">
            {texts.requestNewLink}
          </Link>
        )
      }
    >
      <form
        noValidate
        onSubmit={form.onSubmit(({ password }) =>
          reset.mutate(
            { token: token ?? "", password },
            { onError: (error) => form.setErrors(fieldErrors(error) ?? {}) },
          ),
        )}
      >
        <Stack gap="md">
          {!wrong?.password && <Notice error={reset.error} />}
          <NewPassword label={texts.newPassword} name="password" {...form.getInputProps("password")} />
          <Button type="submit" size="md" fullWidth loading={reset.isPending} disabled={!token}>
            {texts.setPassword}
          </Button>
        </Stack>
      </form>
    </AccountPage>
  );
}
