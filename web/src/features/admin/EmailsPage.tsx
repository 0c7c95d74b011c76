import { emailQuery, emailsQuery, useResendEmail, type EmailStatus } from "@/api/admin";
import type { Email } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { PagedList } from "@/admin/PagedList";
import { AdminPage } from "@/admin/AdminPage";
import { Table } from "@/admin/Table";
import { Toolbar } from "@/admin/Toolbar";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/emails";
import { texts as shared } from "@/texts/common";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { toast, toastFailure } from "@/ui/toast";
import { useRestoreFocus } from "@/ui/useRestoreFocus";
import { Badge, Button, Group, Modal, NativeSelect, SegmentedControl, Skeleton, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconMail, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import classes from "./EmailsPage.module.css";

const COLORS: Readonly<Record<EmailStatus, string>> = { queued: "gray", sent: "teal", failed: "clay", skipped: "gray" };

export function EmailsPage() {
  return (
    <AdminPage needs="emails:read" title={common.emails}>
      <EmailList />
    </AdminPage>
  );
}

function EmailList() {
  const [typed, setTyped] = useState("");
  const [to] = useDebouncedValue(typed.trim(), 300);
  const [status, setStatus] = useState<EmailStatus | "">("");
  const [opened, open] = useState<Email | null>(null);
  useRestoreFocus(opened !== null);
  const emails = useInfiniteQuery({
    ...emailsQuery({ ...(status && { status }), ...(to && { to }) }),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Toolbar>
        <TextInput
          type="search"
          aria-label={texts.search}
          placeholder={texts.searchPlaceholder}
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={254}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <NativeSelect
          aria-label={shared.filterByStatus}
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value as EmailStatus | "")}
          data={[{ value: "", label: texts.allEmails }, ...Object.entries(texts.statuses).map(([value, label]) => ({ value, label }))]}
        />
      </Toolbar>
      <PagedList query={emails} empty={<Message icon={IconMail} title={texts.noEmails}>{texts.noEmailsText}</Message>}>
        {(items) => (
          <Table label={common.emails} columns={[texts.subject, texts.to, common.status, texts.date]}>
            {items.map((email) => (
              <tr key={email.id}>
                <td>
                  <UnstyledButton className={classes.subject ?? ""} onClick={() => open(email)}>
                    {email.subject ?? email.template.replaceAll("_", " ")}
                  </UnstyledButton>
                  {email.error && <small>{email.error}</small>}
                </td>
                <td>{email.to ?? texts.unknownRecipient}</td>
                <td>
                  <Badge color={COLORS[email.status]} variant="light" tt="none">
                    {texts.statuses[email.status]}
                  </Badge>
                </td>
                <td>{atTime(email.sent_at ?? email.created_at)}</td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      <Modal returnFocus={false} opened={opened !== null} onClose={() => open(null)} size="xl" title={opened?.subject ?? texts.email} closeButtonProps={{ "aria-label": shared.close }}>
        {opened && <Preview email={opened} />}
      </Modal>
    </>
  );
}

function Preview({ email }: { email: Email }) {
  const sent = useQuery(emailQuery(email.id));
  const resend = useResendEmail();
  const [format, setFormat] = useState("html");
  if (sent.isError) return <Failure error={sent.error} onRetry={sent.refetch} order={3} />;
  if (!sent.data) return <Skeleton height={400} />;
  const { text, html } = sent.data;
  return (
    <>
      <Group justify="space-between" mb="md">
        {html && text ? (
          <SegmentedControl
            aria-label={texts.format}
            value={format}
            onChange={setFormat}
            data={[
              { value: "html", label: texts.html },
              { value: "text", label: texts.text },
            ]}
          />
        ) : (
          <span />
        )}
        <Button
          variant="default"
          loading={resend.isPending}
          onClick={() =>
            resend.mutate(email.id, { onSuccess: () => toast(texts.resent), onError: toastFailure })
          }
        >
          {texts.resend}
        </Button>
      </Group>
      {!text && !html ? (
        <Message icon={IconMail} order={3} title={texts.nothingToShow}>
          {texts.nothingToShowText}
        </Message>
      ) : html && format === "html" ? (
        // The empty sandbox attribute forbids scripts, forms and navigation.
        <iframe className={classes.frame} title={texts.sentEmail} sandbox="" srcDoc={html} />
      ) : (
        <pre className={classes.text}>{text}</pre>
      )}
    </>
  );
}
