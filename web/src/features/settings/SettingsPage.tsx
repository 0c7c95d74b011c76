import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { Page } from "@/ui/Page";
import { Mails } from "./Mails";
import { Password } from "./Password";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";
import classes from "./SettingsPage.module.css";
import { Theme } from "./Theme";

export function SettingsPage() {
  return (
    <SignedIn title="Sign in to change your settings">
      <Sections />
    </SignedIn>
  );
}

function Sections() {
  const { user } = useSession();
  if (!user) return null;
  return (
    <Page title="Settings" narrow>
      <div className={classes.sections}>
        <Profile user={user} />
        <Theme />
        <Mails />
        <Password />
        <Sessions />
      </div>
    </Page>
  );
}
