import { useChangePassword } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import { NewPassword } from "@/session/NewPassword";
import { MIN_LENGTH } from "@/session/passwords";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/settings";
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
      current_password: (value) => (value ? null : texts.enterCurrentPassword),
      new_password: (value) => ([...value].length >= MIN_LENGTH ? null : common.tooShort(MIN_LENGTH)),
    },
  });
  return (
    <Section title={texts.password} intro={texts.passwordIntro}>
      <form
        noValidate
        onSubmit={form.onSubmit((body) =>
          change.mutate(body, {
            onSuccess: () => {
              toast(texts.passwordChanged);
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
            label={texts.currentPassword}
            name="current_password"
            autoComplete="current-password"
            {...form.getInputProps("current_password")}
          />
          <div style={{ width: "100%" }}>
            <NewPassword label={texts.newPassword} name="new_password" {...form.getInputProps("new_password")} />
          </div>
          <Button type="submit" loading={change.isPending}>
            {texts.changePassword}
          </Button>
        </Stack>
      </form>
    </Section>
  );
}
