import { lazy, Suspense, useState } from "react";
import type { ConfirmProps } from "./Question";
import { useFocusBack } from "./useFocusBack";

// Dialogues are heavy, and most visits never see one.
const Question = lazy(async () => ({ default: (await import("./Question")).Question }));

/** Asks once before something that cannot be taken back. */
export function Confirm(props: ConfirmProps) {
  useFocusBack(props.opened);
  const [asked, setAsked] = useState(false);
  if (props.opened && !asked) setAsked(true);
  return <Suspense>{asked && <Question {...props} />}</Suspense>;
}
