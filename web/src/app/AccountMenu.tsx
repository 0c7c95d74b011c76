import { useSession } from "@/session/current";
import { texts as common } from "@/texts/common";
import { LinkButton } from "@/ui/links";
import { Skeleton } from "@mantine/core";
import { IconUser } from "@tabler/icons-react";
import { useRouterState } from "@tanstack/react-router";
import classes from "./AccountMenu.module.css";
import { SignedInMenu } from "./SignedInMenu";

/** The account menu, or a link to sign in. */
export function AccountMenu() {
  const { phase, user } = useSession();
  const here = useRouterState({ select: (state) => state.location.href });
  if (phase === "restoring") return <Skeleton circle height={34} width={34} mx="xs" />;
  if (user) return <SignedInMenu user={user} />;
  const elsewhere = here === "/" || /^\/(sign-in|register|forgot|reset|verify)/.test(here);
  return (
    <LinkButton
      to="/sign-in"
      search={elsewhere ? {} : { next: here }}
      variant="subtle"
      color="gray"
      className={classes.signIn ?? ""}
      leftSection={<IconUser size={20} stroke={1.7} />}
    >
      {common.signIn}
    </LinkButton>
  );
}
