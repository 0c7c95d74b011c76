import { useChangeUser, usersQuery } from "@/api/office";
import type { UserDetails } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { Listing } from "@/office/Listing";
import { OfficePage } from "@/office/OfficePage";
import { Table } from "@/office/Table";
import { Tools } from "@/office/Tools";
import { useSession } from "@/session/current";
import { Confirm } from "@/ui/Confirm";
import { Message } from "@/ui/Message";
import { toast, toastFailure } from "@/ui/toast";
import { Badge, Button, Group, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

interface Question {
  user: UserDetails;
  change: { role: UserDetails["role"] } | { disabled: boolean };
  title: string;
  text: string;
  confirm: string;
}

export function UsersPage() {
  return (
    <OfficePage needs="users:read" title="Users">
      <Users />
    </OfficePage>
  );
}

function Users() {
  const { user: me } = useSession();
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), 250);
  const users = useInfiniteQuery({ ...usersQuery(q), placeholderData: keepPreviousData });
  const change = useChangeUser();
  const [question, setQuestion] = useState<Question | null>(null);
  return (
    <>
      <Tools>
        <TextInput
          type="search"
          aria-label="Search users by name or email address"
          placeholder="Name or email address"
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={200}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </Tools>
      <Listing query={users} empty={<Message icon={IconUsers} title="Nobody found">Look for a part of the name or of the address.</Message>}>
        {(items) => (
          <Table label="Users" columns={["Name", "Since", "Role", "State", ""]}>
            {items.map((user) => (
              <tr key={user.id}>
                <td>
                  {user.name}
                  <small>{user.email}</small>
                </td>
                <td>{onDay(user.created_at)}</td>
                <td>{user.role === "admin" ? <Badge tt="none">Staff</Badge> : "Customer"}</td>
                <td>
                  {user.disabled ? (
                    <Badge color="clay" variant="light" tt="none">
                      Disabled
                    </Badge>
                  ) : user.email_verified ? (
                    "Confirmed"
                  ) : (
                    "Not confirmed"
                  )}
                </td>
                <td data-align="right">{user.id === me?.id ? "You" : <Changes user={user} ask={setQuestion} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </Listing>
      <Confirm
        opened={question !== null}
        title={question?.title ?? ""}
        confirm={question?.confirm ?? ""}
        keep="Leave it"
        pending={change.isPending}
        onClose={() => setQuestion(null)}
        onConfirm={() =>
          question &&
          change.mutate(
            { id: question.user.id, ...question.change },
            { onSuccess: () => toast("Done."), onError: toastFailure, onSettled: () => setQuestion(null) },
          )
        }
      >
        {question?.text}
      </Confirm>
    </>
  );
}

function Changes({ user, ask }: { user: UserDetails; ask: (question: Question) => void }) {
  const staff = user.role === "admin";
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() =>
          ask({
            user,
            change: { role: staff ? "customer" : "admin" },
            title: staff ? `Take the office from ${user.name}?` : `Let ${user.name} into the office?`,
            text: staff ? "They keep their account as a customer." : "They can change products, orders, payments and users from now on.",
            confirm: staff ? "Make a customer" : "Make staff",
          })
        }
      >
        {staff ? "Make a customer" : "Make staff"}
      </Button>
      <Button
        size="compact-sm"
        variant="subtle"
        color={user.disabled ? "teal" : "clay"}
        onClick={() =>
          ask({
            user,
            change: { disabled: !user.disabled },
            title: user.disabled ? `Let ${user.name} sign in again?` : `Disable the account of ${user.name}?`,
            text: user.disabled ? "They can sign in and order again." : "They are signed out everywhere and cannot sign in. Their orders stay.",
            confirm: user.disabled ? "Enable" : "Disable",
          })
        }
      >
        {user.disabled ? "Enable" : "Disable"}
      </Button>
    </Group>
  );
}
