import { lazy, Suspense, useState } from "react";
import type { ConfirmProps } from "./ConfirmDialog";
import { useRestoreFocus } from "./useRestoreFocus";

// Dialogs are large, and most visits never open one.
const ConfirmDialog = lazy(async () => ({ default: (await import("./ConfirmDialog")).ConfirmDialog }));

/** Asks for confirmation of an action that cannot be undone. Loads the dialog when it is first opened. */
export function Confirm(props: ConfirmProps) {
  useRestoreFocus(props.opened);
  const [asked, setAsked] = useState(false);
  if (props.opened && !asked) setAsked(true);
  return <Suspense>{asked && <ConfirmDialog {...props} />}</Suspense>;
}
