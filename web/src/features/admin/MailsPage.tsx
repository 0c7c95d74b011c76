import { mailQuery, mailsQuery, useResendMail, type MailStatus } from "@/api/office";
import type { Mail } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { Listing } from "@/office/Listing";
import { OfficePage } from "@/office/OfficePage";
import { Table } from "@/office/Table";
import { Tools } from "@/office/Tools";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { toast, toastFailure } from "@/ui/toast";
import { useFocusBack } from "@/ui/useFocusBack";
import { Badge, Button, Group, Modal, NativeSelect, SegmentedControl, Skeleton, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconMail, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import classes from "./MailsPage.module.css";

const STATES: Readonly<Record<MailStatus, { label: string; color: string }>> = {
  queued: { label: "Waiting", color: "gray" },
  sent: { label: "Sent", color: "teal" },
  failed: { label: "Failed", color: "clay" },
  skipped: { label: "Not wanted", color: "gray" },
};

export function MailsPage() {
  return (
    <OfficePage needs="emails:read" title="Mails">
      <Mails />
    </OfficePage>
  );
}

function Mails() {
  const [typed, setTyped] = useState("");
  const [to] = useDebouncedValue(typed.trim(), 300);
  const [status, setStatus] = useState<MailStatus | "">("");
  const [opened, open] = useState<Mail | null>(null);
  useFocusBack(opened !== null);
  const mails = useInfiniteQuery({
    ...mailsQuery({ ...(status && { status }), ...(to && { to }) }),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Tools>
        <TextInput
          type="search"
          aria-label="Mails to this address"
          placeholder="Mails to this address"
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={254}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <NativeSelect
          aria-label="Show mails that are"
          value={status}
          onChange={(event) => setStatus(event.currentTarget.value as MailStatus | "")}
          data={[{ value: "", label: "All mails" }, ...Object.entries(STATES).map(([value, { label }]) => ({ value, label }))]}
        />
      </Tools>
      <Listing query={mails} empty={<Message icon={IconMail} title="No such mails">What the shop writes is listed here.</Message>}>
        {(items) => (
          <Table label="Mails" columns={["Subject", "To", "State", "When"]}>
            {items.map((mail) => (
              <tr key={mail.id}>
                <td>
                  <UnstyledButton className={classes.subject ?? ""} onClick={() => open(mail)}>
                    {mail.subject ?? mail.template.replaceAll("_", " ")}
                  </UnstyledButton>
                  {mail.error && <small>{mail.error}</small>}
                </td>
                <td>{mail.to ?? "…"}</td>
                <td>
                  <Badge color={STATES[mail.status].color} variant="light" tt="none">
                    {STATES[mail.status].label}
                  </Badge>
                </td>
                <td>{atTime(mail.sent_at ?? mail.created_at)}</td>
              </tr>
            ))}
          </Table>
        )}
      </Listing>
      <Modal returnFocus={false} opened={opened !== null} onClose={() => open(null)} size="xl" title={opened?.subject ?? "Mail"} closeButtonProps={{ "aria-label": "Close" }}>
        {opened && <Preview mail={opened} />}
      </Modal>
    </>
  );
}

function Preview({ mail }: { mail: Mail }) {
  const sent = useQuery(mailQuery(mail.id));
  const resend = useResendMail();
  const [as, setAs] = useState("html");
  if (sent.isError) return <Failure error={sent.error} onRetry={sent.refetch} order={3} />;
  if (!sent.data) return <Skeleton height={400} />;
  const { text, html } = sent.data;
  return (
    <>
      <Group justify="space-between" mb="md">
        {html && text ? (
          <SegmentedControl
            aria-label="Shown as"
            value={as}
            onChange={setAs}
            data={[
              { value: "html", label: "As designed" },
              { value: "text", label: "As text" },
            ]}
          />
        ) : (
          <span />
        )}
        <Button
          variant="default"
          loading={resend.isPending}
          onClick={() =>
            resend.mutate(mail.id, { onSuccess: () => toast("It goes out again in a moment."), onError: toastFailure })
          }
        >
          Send again
        </Button>
      </Group>
      {!text && !html ? (
        <Message icon={IconMail} order={3} title="Nothing to show">
          It has not been put together yet, or its text is no longer kept.
        </Message>
      ) : html && as === "html" ? (
        // No script, no form and no request of its own: the frame may do nothing at all.
        <iframe className={classes.frame} title="The mail as it was sent" sandbox="" srcDoc={html} />
      ) : (
        <pre className={classes.text}>{text}</pre>
      )}
    </>
  );
}
