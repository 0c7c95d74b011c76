import { useResetPassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { NewPassword } from "@/session/NewPassword";
import { MIN_LENGTH } from "@/session/passwords";
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
    validate: { password: (value) => ([...value].length >= MIN_LENGTH ? null : `Use at least ${MIN_LENGTH} characters.`) },
  });
  if (reset.isSuccess) {
    return (
      <AccountPage title="Your new password is set" intro="You are signed out everywhere. Sign in with the new one.">
        <LinkButton to="/sign-in" size="md" fullWidth>
          Sign in
        </LinkButton>
      </AccountPage>
    );
  }
  const wrong = fieldErrors(reset.error);
  const dead = !token || wrong?.token !== undefined || (reset.error !== null && !wrong);
  return (
    <AccountPage
      title="Choose a new password"
      intro={token ? undefined : "This address lacks its link: open it from the mail again, or ask for another."}
      below={
        dead && (
          <Link to="/forgot" className="quiet-link">
            Ask for another link
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
          <NewPassword label="New password" name="password" {...form.getInputProps("password")} />
          <Button type="submit" size="md" fullWidth loading={reset.isPending} disabled={!token}>
            Set the password
          </Button>
        </Stack>
      </form>
    </AccountPage>
  );
}
