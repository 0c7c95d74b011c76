import { useChangeProfile, useResendVerification } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import type { User } from "@/api/schemas";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/settings";
import { Notice } from "@/ui/Failure";
import { focusFirstOf } from "@/ui/focus";
import { toast, toastFailure } from "@/ui/toast";
import { Button, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Section } from "./Section";

export function ProfileForm({ user }: { user: User }) {
  const change = useChangeProfile();
  const resend = useResendVerification();
  const form = useForm({
    initialValues: { name: user.name },
    validate: { name: (value) => (value.trim() ? null : common.enterName) },
  });
  return (
    <Section title={texts.profile} intro={texts.profileIntro}>
      <form
        noValidate
        onSubmit={form.onSubmit(({ name }) =>
          change.mutate(
            { name: name.trim() },
            {
              onSuccess: () => toast(texts.profileSaved),
              onError: (error) => {
                const wrong = fieldErrors(error) ?? {};
                form.setErrors(wrong);
                focusFirstOf(wrong);
              },
            },
          ),
          focusFirstOf,
        )}
      >
        <Stack gap="md" align="flex-start">
          {!fieldErrors(change.error) && <Notice error={change.error} />}
          <TextInput w="100%" label={common.name} name="name" autoComplete="name" maxLength={200} {...form.getInputProps("name")} />
          <TextInput
            w="100%"
            label={common.email}
            value={user.email}
            readOnly
            description={user.email_verified ? texts.emailConfirmed : texts.emailNotConfirmed}
          />
          {!user.email_verified && (
            <Button
              variant="default"
              size="sm"
              loading={resend.isPending}
              disabled={resend.isSuccess}
              onClick={() => resend.mutate(undefined, { onError: toastFailure })}
            >
              {resend.isSuccess ? texts.linkResent : texts.resendLink}
            </Button>
          )}
          <Button type="submit" loading={change.isPending}>
            {texts.save}
          </Button>
        </Stack>
      </form>
    </Section>
  );
}
