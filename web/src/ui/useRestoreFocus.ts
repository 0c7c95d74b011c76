import { useEffect, useRef } from "react";

/**
 * Gives the focus back to what opened a dialog, once it has closed. The library does so too, unless a dialog is opened
 * the moment it is loaded or appears without motion: then it remembers what in the dialog had the focus first.
 */
export function useRestoreFocus(opened: boolean): void {
  const wasOpened = useRef(false);
  const before = useRef<Element | null>(null);
  // While rendering: by the time of an effect the dialog may have taken the focus already.
  if (opened && !wasOpened.current) before.current = document.activeElement;
  wasOpened.current = opened;
  useEffect(() => {
    if (opened || !before.current) return;
    const opener = before.current;
    before.current = null;
    const timer = setTimeout(() => {
      const now = document.activeElement;
      if (now !== null && now !== document.body && !now.closest("[role=dialog]")) return;
      const next = opener.isConnected && opener !== document.body ? opener : document.getElementById("main");
      if (next instanceof HTMLElement) next.focus({ preventScroll: true });
    }, 20);
    return () => clearTimeout(timer);
  }, [opened]);
}
