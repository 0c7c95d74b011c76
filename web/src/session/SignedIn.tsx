/** A page for people who are signed in; everybody else is asked to, in place, and the address stays what it is. */
import { LinkButton } from "@/ui/links";
import { Message } from "@/ui/Message";
import { Center, Loader } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useSession } from "./current";

export function SignedIn({ title, children }: { title: string; children: ReactNode }) {
  const { phase, user } = useSession();
  const next = useRouterState({ select: (state) => state.location.href });
  if (phase === "restoring") {
    return (
      <Center h="40vh">
        <Loader aria-label="Signing in" />
      </Center>
    );
  }
  if (!user) {
    return (
      <Message
        icon={IconLock}
        order={1}
        title={title}
        action={
          <>
            <LinkButton to="/sign-in" search={{ next }}>
              Sign in
            </LinkButton>
            <LinkButton to="/register" search={{ next }} variant="default">
              Create an account
            </LinkButton>
          </>
        }
      >
        This page is yours alone, so we need to know who you are.
      </Message>
    );
  }
  return children;
}
