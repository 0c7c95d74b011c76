import { sessionsQuery, useEndOtherSessions, useEndSession } from "@/api/accounts";
import type { Session } from "@/api/schemas";
import { ago } from "@/format/dates";
import { texts } from "@/texts/settings";
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
    <Section title={texts.sessions} intro={texts.sessionsIntro}>
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
              {texts.signOutOthers}
            </Button>
          )}
          <Confirm
            opened={asking}
            onClose={ask.close}
            title={texts.signOutOthersQuestion}
            confirmLabel={texts.signOutOthers}
            cancelLabel={texts.cancel}
            pending={endOthers.isPending}
            onConfirm={() =>
              endOthers.mutate(undefined, {
                onSuccess: () => toast(texts.signedOutOthers),
                onError: toastFailure,
                onSettled: ask.close,
              })
            }
          >
            {texts.signOutOthersText(others)}
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
        <div className={classes.seen}>{texts.lastSeen(ago(last_seen_at))}</div>
      </div>
      {current ? (
        <Badge variant="light" tt="none">
          {texts.thisDevice}
        </Badge>
      ) : (
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          loading={end.isPending}
          aria-label={texts.signOutDevice(name)}
          onClick={() => end.mutate(id, { onError: toastFailure })}
        >
          {texts.signOut}
        </Button>
      )}
    </li>
  );
}
