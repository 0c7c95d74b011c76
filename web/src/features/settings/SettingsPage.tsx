import { SignedIn } from "@/session/SignedIn";
import { useSession } from "@/session/current";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/settings";
import { Page } from "@/ui/Page";
import { EmailPreferences } from "./EmailPreferences";
import { PasswordForm } from "./PasswordForm";
import { ProfileForm } from "./ProfileForm";
import { Sessions } from "./Sessions";
import classes from "./SettingsPage.module.css";
import { Appearance } from "./Appearance";

export function SettingsPage() {
  return (
    <SignedIn title={texts.signIn}>
      <Sections />
    </SignedIn>
  );
}

function Sections() {
  const { user } = useSession();
  if (!user) return null;
  return (
    <Page title={common.settings} narrow>
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
