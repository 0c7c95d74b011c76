import { useChangePassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { NewPassword } from "@/session/NewPassword";
import { MIN_LENGTH } from "@/session/passwords";
import { Notice } from "@/ui/Failure";
import { focusFirstOf } from "@/ui/focus";
import { PasswordField } from "@/ui/PasswordField";
import { toast } from "@/ui/toast";
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Section } from "./Section";

export function PasswordForm() {
  const change = useChangePassword();
  const form = useForm({
    initialValues: { current_password: "", new_password: "" },
    validate: {
      current_password: (value) => (value ? null : "Enter your current password."),
      new_password: (value) => ([...value].length >= MIN_LENGTH ? null : `Use at least ${MIN_LENGTH} characters.`),
    },
  });
  return (
    <Section title="Password" intro="A new one signs you out everywhere else.">
      <form
        noValidate
        onSubmit={form.onSubmit((body) =>
          change.mutate(body, {
            onSuccess: () => {
              toast("Your password is changed.");
              form.reset();
            },
            onError: (error) => {
              const wrong = fieldErrors(error) ?? {};
              form.setErrors(wrong);
              focusFirstOf(wrong);
            },
          }),
          focusFirstOf,
        )}
      >
        <Stack gap="md" align="flex-start">
          {!fieldErrors(change.error) && <Notice error={change.error} />}
          <PasswordField
            w="100%"
            label="Current password"
            name="current_password"
            autoComplete="current-password"
            {...form.getInputProps("current_password")}
          />
          <div style={{ width: "100%" }}>
            <NewPassword label="New password" name="new_password" {...form.getInputProps("new_password")} />
          </div>
          <Button type="submit" loading={change.isPending}>
            Change the password
          </Button>
        </Stack>
      </form>
    </Section>
  );
}
