import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { Page } from "@/ui/Page";
import { EmailPreferences } from "./EmailPreferences";
import { PasswordForm } from "./PasswordForm";
import { ProfileForm } from "./ProfileForm";
import { Sessions } from "./Sessions";
import classes from "./SettingsPage.module.css";
import { Appearance } from "./Appearance";

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
        <ProfileForm user={user} />
        <Appearance />
        <EmailPreferences />
        <PasswordForm />
        <Sessions />
      </div>
    </Page>
  );
}
