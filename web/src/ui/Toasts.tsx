import { CloseButton } from "@mantine/core";
import { useEffect, useState, useSyncExternalStore } from "react";
import { toasts, type Toast } from "./toast";
import classes from "./Toasts.module.css";

/** Where toasts appear: always there, since only what changes within a known region is read out. */
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
  // Nobody loses what they are pointing at or have gone to with the keyboard.
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
      <CloseButton size="md" aria-label="Close this message" onClick={() => toasts.dismiss(id)} />
    </div>
  );
}
