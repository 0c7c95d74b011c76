import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { texts } from "@/texts/admin/common";
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

/** The layout of the admin pages. It only hides them from other users; the API refuses their requests. */
export function AdminPage(props: AdminPageProps) {
  return (
    <SignedIn title={texts.signIn}>
      <AdminOnly {...props} />
    </SignedIn>
  );
}

/** Whether the current user is an admin. Queries for admin data must not be sent otherwise. */
export function useIsAdmin(): boolean {
  return useSession().user?.role === "admin";
}

function AdminOnly({ title, aside, children }: AdminPageProps) {
  if (!useIsAdmin()) {
    return (
      <Message icon={IconLock} order={1} title={texts.noAccess}>
        {texts.noAccessText}
      </Message>
    );
  }
  return (
    <Page title={title} above={<AdminNav />} aside={aside}>
      {children}
    </Page>
  );
}
