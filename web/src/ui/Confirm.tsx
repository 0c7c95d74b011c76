import { lazy, Suspense, useState } from "react";
import type { ConfirmProps } from "./ConfirmDialog";
import { useRestoreFocus } from "./useRestoreFocus";

// Dialogues are heavy, and most visits never see one.
const ConfirmDialog = lazy(async () => ({ default: (await import("./ConfirmDialog")).ConfirmDialog }));

/** Asks once before something that cannot be taken back. */
export function Confirm(props: ConfirmProps) {
  useRestoreFocus(props.opened);
  const [asked, setAsked] = useState(false);
  if (props.opened && !asked) setAsked(true);
  return <Suspense>{asked && <ConfirmDialog {...props} />}</Suspense>;
}
