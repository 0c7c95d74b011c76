import { describeError, isNotFound, Unreachable } from "@/api/problem";
import { texts as common } from "@/texts/common";
import { Alert, Button } from "@mantine/core";
import { IconAlertTriangle, IconMapOff, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Message } from "./Message";

interface FailureProps {
  error: unknown;
  onRetry?: (() => unknown) | undefined;
  order?: 1 | 2 | 3;
}

/** Shown in place of content that could not be loaded. */
export function Failure({ error, onRetry, order = 2 }: FailureProps) {
  const { title, text } = describeError(error);
  const icon = error instanceof Unreachable ? IconPlugConnectedX : isNotFound(error) ? IconMapOff : IconAlertTriangle;
  return (
    <Message
      icon={icon}
      title={title}
      order={order}
      tone="bad"
      action={
        onRetry && (
          <Button variant="default" leftSection={<IconRefresh size={18} />} onClick={() => void onRetry()}>
            {common.tryAgain}
          </Button>
        )
      }
    >
      {text}
    </Message>
  );
}

/** An alert about a failed action, next to the form or list it belongs to. Screen readers announce it. */
export function Notice({ error, title, children }: { error: unknown; title?: string | undefined; children?: ReactNode }) {
  if (!error) return null;
  const description = describeError(error);
  return (
    <Alert color="clay" variant="light" icon={<IconAlertTriangle />} title={title ?? description.title} role="alert">
      {children ?? description.text}
    </Alert>
  );
}
