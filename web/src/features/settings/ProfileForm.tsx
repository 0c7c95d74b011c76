import { useChangeProfile, useResendVerification } from "@/api/accounts";
import { fieldErrors } from "@/api/problem";
import type { User } from "@/api/schemas";
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
    validate: { name: (value) => (value.trim() ? null : "Enter your name.") },
  });
  return (
    <Section title="Profile" intro="How we address you, and where our mails go.">
      <form
        noValidate
        onSubmit={form.onSubmit(({ name }) =>
          change.mutate(
            { name: name.trim() },
            {
              onSuccess: () => toast("Your name is saved."),
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
          <TextInput w="100%" label="Name" name="name" autoComplete="name" maxLength={200} {...form.getInputProps("name")} />
          <TextInput
            w="100%"
            label="Email address"
            value={user.email}
            readOnly
            description={user.email_verified ? "Confirmed." : "Not confirmed yet. Follow the link in the mail we sent you."}
          />
          {!user.email_verified && (
            <Button
              variant="default"
              size="sm"
              loading={resend.isPending}
              disabled={resend.isSuccess}
              onClick={() => resend.mutate(undefined, { onError: toastFailure })}
            >
              {resend.isSuccess ? "A new link is on its way" : "Send the link again"}
            </Button>
          )}
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
        </Stack>
      </form>
    </Section>
  );
}
