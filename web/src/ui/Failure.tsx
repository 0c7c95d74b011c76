import { describeError, isNotFound, Unreachable } from "@/api/problem";
import { Alert, Button } from "@mantine/core";
import { IconAlertTriangle, IconMapOff, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Message } from "./Message";

interface FailureProps {
  error: unknown;
  onRetry?: (() => unknown) | undefined;
  order?: 1 | 2 | 3;
}

/** In place of what could not be loaded. */
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
            Try again
          </Button>
        )
      }
    >
      {text}
    </Message>
  );
}

/** Beside a form or a list: what was tried did not work. Read out when it appears. */
export function Notice({ error, title, children }: { error: unknown; title?: string | undefined; children?: ReactNode }) {
  if (!error) return null;
  const words = describeError(error);
  return (
    <Alert color="clay" variant="light" icon={<IconAlertTriangle />} title={title ?? words.title} role="alert">
      {children ?? words.text}
    </Alert>
  );
}
