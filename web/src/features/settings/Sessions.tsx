import { sessionsQuery, useEndOtherSessions, useEndSession } from "@/api/accounts";
import type { Session } from "@/api/schemas";
import { ago } from "@/format/dates";
import { Confirm } from "@/ui/Confirm";
import { Failure } from "@/ui/Failure";
import { toast, toastFailure } from "@/ui/toast";
import { useFocusMainOnUnmount } from "@/ui/useFocusMainOnUnmount";
import { Badge, Button, Skeleton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDeviceLaptop, IconDeviceMobile } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { describeDevice } from "./devices";
import { Section } from "./Section";
import classes from "./SettingsPage.module.css";

export function Sessions() {
  const sessions = useQuery(sessionsQuery);
  const endOthers = useEndOtherSessions();
  const [asking, ask] = useDisclosure(false);
  const others = sessions.data?.filter(({ current }) => !current).length ?? 0;
  return (
    <Section title="Where you are signed in" intro="End what you do not recognise, and change your password.">
      {sessions.isError && !sessions.data ? (
        <Failure error={sessions.error} onRetry={sessions.refetch} order={3} />
      ) : !sessions.data ? (
        <Skeleton height={140} radius="lg" />
      ) : (
        <>
          <ul className={classes.list}>
            {sessions.data.map((session) => (
              <Entry key={session.id} session={session} />
            ))}
          </ul>
          {others > 0 && (
            <Button variant="default" onClick={ask.open}>
              Sign out everywhere else
            </Button>
          )}
          <Confirm
            opened={asking}
            onClose={ask.close}
            title="Sign out everywhere else?"
            confirm="Sign out everywhere else"
            keep="Leave it"
            pending={endOthers.isPending}
            onConfirm={() =>
              endOthers.mutate(undefined, {
                onSuccess: () => toast("You are signed in here only."),
                onError: toastFailure,
                onSettled: ask.close,
              })
            }
          >
            {others === 1 ? "One other device has to sign in again." : `${others} other devices have to sign in again.`}
          </Confirm>
        </>
      )}
    </Section>
  );
}

function Entry({ session: { id, current, user_agent, last_seen_at } }: { session: Session }) {
  const end = useEndSession();
  const entry = useFocusMainOnUnmount<HTMLLIElement>();
  const { name, mobile } = describeDevice(user_agent);
  const Device = mobile ? IconDeviceMobile : IconDeviceLaptop;
  return (
    <li ref={entry}>
      <Device size={26} stroke={1.5} aria-hidden />
      <div>
        <div className={classes.device}>{name}</div>
        <div className={classes.seen}>Last seen {ago(last_seen_at)}</div>
      </div>
      {current ? (
        <Badge variant="light" tt="none">
          This device
        </Badge>
      ) : (
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          loading={end.isPending}
          aria-label={`End the session on ${name}`}
          onClick={() => end.mutate(id, { onError: toastFailure })}
        >
          End
        </Button>
      )}
    </li>
  );
}
