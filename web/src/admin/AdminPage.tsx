import { SignedIn } from "@/session/SignedIn";
import type { Permission } from "@/api/schemas";
import { useCan } from "@/session/current";
import { texts } from "@/texts/admin/common";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { AdminNav } from "./AdminNav";

interface AdminPageProps {
  title: string;
  /** The permission that the page's requests need. */
  needs: Permission;
  aside?: ReactNode;
  children: ReactNode;
}

/** The layout of the admin pages. It only hides them from other users; the API refuses their requests. */
export function AdminPage(props: AdminPageProps) {
  return (
    <SignedIn title={texts.signIn}>
      <WithPermission {...props} />
    </SignedIn>
  );
}

function WithPermission({ title, needs, aside, children }: AdminPageProps) {
  if (!useCan(needs)) {
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
