import type { Permission } from "@/api/schemas";
import { SignedIn } from "@/session/SignedIn";
import { useCan } from "@/session/current";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { OfficeNav } from "./OfficeNav";

interface OfficePageProps {
  title: string;
  /** The permission that the page's requests need. */
  needs: Permission;
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

function ForStaff({ title, needs, aside, children }: OfficePageProps) {
  if (!useCan(needs)) {
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
