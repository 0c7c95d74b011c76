/** Shows its children to signed-in users. Everyone else sees a prompt to sign in; the URL does not change. */
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/session";
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
        <Loader aria-label={common.signingIn} />
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
              {common.signIn}
            </LinkButton>
            <LinkButton to="/register" search={{ next }} variant="default">
              {common.createAccount}
            </LinkButton>
          </>
        }
      >
        {texts.signInToSeePage}
      </Message>
    );
  }
  return children;
}
