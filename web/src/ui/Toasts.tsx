import { texts as common } from "@/texts/common";
import { CloseButton } from "@mantine/core";
import { useEffect, useState, useSyncExternalStore } from "react";
import { toasts, type Toast } from "./toast";
import classes from "./Toasts.module.css";

/** The region in which toasts appear. It is always mounted: screen readers announce only changes of an existing region. */
export function Toasts() {
  const shown = useSyncExternalStore(toasts.subscribe, toasts.shown);
  return (
    <div className={classes.corner} role="status" aria-atomic={false}>
      {shown.map((toast) => (
        <One key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function One({ toast: { id, tone, title, text, lastsMs } }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  // A toast stays while the pointer is over it or the keyboard focus is in it.
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(() => toasts.dismiss(id), lastsMs);
    return () => clearTimeout(timer);
  }, [held, id, lastsMs]);
  return (
    <div
      className={classes.toast}
      data-tone={tone}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div className={classes.words}>
        {title && <strong>{title}</strong>}
        <span>{text}</span>
      </div>
      <CloseButton size="md" aria-label={common.closeMessage} onClick={() => toasts.dismiss(id)} />
    </div>
  );
}
