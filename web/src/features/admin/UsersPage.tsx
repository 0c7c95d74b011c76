import { useChangeUser, usersQuery } from "@/api/admin";
import type { UserDetails } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { PagedList } from "@/admin/PagedList";
import { AdminPage } from "@/admin/AdminPage";
import { Table } from "@/admin/Table";
import { Toolbar } from "@/admin/Toolbar";
import { useSession } from "@/session/current";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/customers";
import { Confirm } from "@/ui/Confirm";
import { Message } from "@/ui/Message";
import { toast, toastFailure } from "@/ui/toast";
import { Badge, Button, Group, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

interface PendingChange {
  user: UserDetails;
  change: { role: UserDetails["role"] } | { disabled: boolean };
  title: string;
  text: string;
  confirm: string;
}

export function UsersPage() {
  return (
    <AdminPage needs="users:read" title={common.customers}>
      <Users />
    </AdminPage>
  );
}

function Users() {
  const { user: me } = useSession();
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), 250);
  const users = useInfiniteQuery({ ...usersQuery(q), placeholderData: keepPreviousData });
  const change = useChangeUser();
  const [pending, setPending] = useState<PendingChange | null>(null);
  return (
    <>
      <Toolbar>
        <TextInput
          type="search"
          aria-label={texts.search}
          placeholder={texts.searchPlaceholder}
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={200}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </Toolbar>
      <PagedList query={users} empty={<Message icon={IconUsers} title={texts.noCustomers}>{texts.noCustomersText}</Message>}>
        {(items) => (
          <Table label={common.customers} columns={[texts.name, texts.joined, texts.role, common.status, ""]}>
            {items.map((user) => (
              <tr key={user.id}>
                <td>
                  {user.name}
                  <small>{user.email}</small>
                </td>
                <td>{onDay(user.created_at)}</td>
                <td>{user.role === "admin" ? <Badge tt="none">{texts.admin}</Badge> : texts.customer}</td>
                <td>
                  {user.disabled ? (
                    <Badge color="clay" variant="light" tt="none">
                      {texts.disabled}
                    </Badge>
                  ) : user.email_verified ? (
                    texts.confirmed
                  ) : (
                    texts.notConfirmed
                  )}
                </td>
                <td data-align="right">{user.id === me?.id ? texts.you : <Changes user={user} ask={setPending} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      <Confirm
        opened={pending !== null}
        title={pending?.title ?? ""}
        confirmLabel={pending?.confirm ?? ""}
        cancelLabel={common.cancel}
        pending={change.isPending}
        onClose={() => setPending(null)}
        onConfirm={() =>
          pending &&
          change.mutate(
            { id: pending.user.id, ...pending.change },
            { onSuccess: () => toast(texts.done), onError: toastFailure, onSettled: () => setPending(null) },
          )
        }
      >
        {pending?.text}
      </Confirm>
    </>
  );
}

function Changes({ user, ask }: { user: UserDetails; ask: (change: PendingChange) => void }) {
  const admin = user.role === "admin";
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() =>
          ask({
            user,
            change: { role: admin ? "customer" : "admin" },
            title: admin ? texts.removeAdminQuestion(user.name) : texts.makeAdminQuestion(user.name),
            text: admin ? texts.removeAdminText : texts.makeAdminText,
            confirm: admin ? texts.removeAdmin : texts.makeAdmin,
          })
        }
      >
        {admin ? texts.removeAdmin : texts.makeAdmin}
      </Button>
      <Button
        size="compact-sm"
        variant="subtle"
        color={user.disabled ? "teal" : "clay"}
        onClick={() =>
          ask({
            user,
            change: { disabled: !user.disabled },
            title: user.disabled ? texts.enableQuestion(user.name) : texts.disableQuestion(user.name),
            text: user.disabled ? texts.enableText : texts.disableText,
            confirm: user.disabled ? texts.enable : texts.disable,
          })
        }
      >
        {user.disabled ? texts.enable : texts.disable}
      </Button>
    </Group>
  );
}
