import { Modal, Text } from "@mantine/core";
import { session, useSession } from "./current";
import { SignInForm } from "./SignInForm";

/** Over whatever page the session ended on: the page stays as it is, and its calls go on after the sign-in. */
export function SignInAgain() {
  const { user } = useSession();
  return (
    <Modal
      opened
      onClose={() => session.giveUp()}
      title="Sign in again to go on"
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": "Go on without signing in" }}
    >
      <Text c="dimmed" mb="md">
        Your session has ended. Everything on this page stays as you left it.
      </Text>
      <SignInForm email={user?.email ?? ""} onDone={() => undefined} onLeave={() => session.giveUp()} />
    </Modal>
  );
}
