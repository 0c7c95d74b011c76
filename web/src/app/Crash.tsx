import { Message } from "@/ui/Message";
import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

/** A page that failed to load or to draw. A reload helps where a new release took its scripts away. */
export function Crash() {
  return (
    <Message
      icon={IconAlertTriangle}
      order={1}
      tone="bad"
      title="This page could not be shown"
      action={<Button onClick={() => location.reload()}>Reload</Button>}
    >
      Your cart and your orders are safe with us. Reloading usually helps.
    </Message>
  );
}
