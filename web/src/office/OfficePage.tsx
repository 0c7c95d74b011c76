import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { OfficeNav } from "./OfficeNav";

interface OfficePageProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** The frame of the pages for staff. What they show is refused by the shop itself to anybody else. */
export function OfficePage(props: OfficePageProps) {
  return (
    <SignedIn title="Sign in to the office">
      <ForStaff {...props} />
    </SignedIn>
  );
}

/** Whether to ask for what only staff may see: the shop would refuse it to anybody else. */
export function useIsStaff(): boolean {
  return useSession().user?.role === "admin";
}

function ForStaff({ title, aside, children }: OfficePageProps) {
  if (!useIsStaff()) {
    return (
      <Message icon={IconLock} order={1} title="This page is for the people who run the shop">
        If you are one of them, sign in with that account.
      </Message>
    );
  }
  return (
    <Page title={title} above={<OfficeNav />} aside={aside}>
      {children}
    </Page>
  );
}
