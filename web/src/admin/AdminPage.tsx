import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { AdminNav } from "./AdminNav";

interface AdminPageProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** The frame of the pages for staff. What they show is refused by the shop itself to anybody else. */
export function AdminPage(props: AdminPageProps) {
  return (
    <SignedIn title="Sign in to the office">
      <AdminOnly {...props} />
    </SignedIn>
  );
}

/** Whether to ask for what only staff may see: the shop would refuse it to anybody else. */
export function useIsAdmin(): boolean {
  return useSession().user?.role === "admin";
}

function AdminOnly({ title, aside, children }: AdminPageProps) {
  if (!useIsAdmin()) {
    return (
      <Message icon={IconLock} order={1} title="This page is for the people who run the shop">
        If you are one of them, sign in with that account.
      </Message>
    );
  }
  return (
    <Page title={title} above={<AdminNav />} aside={aside}>
      {children}
    </Page>
  );
}
