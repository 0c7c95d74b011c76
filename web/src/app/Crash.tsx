import { Message } from "@/ui/Message";
import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { isOutdated, reload } from "./release";

/** A page that failed to load or to draw. Where a new release took its scripts away, it loads anew by itself, once. */
export function Crash() {
  const [outdated] = useState(isOutdated);
  useEffect(() => {
    if (outdated) reload();
  }, [outdated]);
  if (outdated) return null;
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
