import { texts } from "@/texts/session";
import { Modal, Text } from "@mantine/core";
import { session, useSession } from "./current";
import { SignInForm } from "./SignInForm";

/** A dialog for when the session has expired. The page below keeps its state, and its pending calls resume afterwards. */
export function SignInAgain() {
  const { user } = useSession();
  return (
    <Modal
      opened
      onClose={() => session.giveUp()}
      title={texts.sessionExpired}
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": texts.continueWithoutSigningIn }}
    >
      <Text c="dimmed" mb="md">
        {texts.sessionExpiredText}
      </Text>
      <SignInForm email={user?.email ?? ""} onDone={() => undefined} onLeave={() => session.giveUp()} />
    </Modal>
  );
}
