import { texts } from "@/texts/shell";
import { Message } from "@/ui/Message";
import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { isOutdated, reload } from "./release";

/** Shown when a page failed to load or to render. If a new release removed its scripts, the page reloads itself once. */
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
      title={texts.crashed}
      action={<Button onClick={() => location.reload()}>{texts.reload}</Button>}
    >
      {texts.crashedText}
    </Message>
  );
}
