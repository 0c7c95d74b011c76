import { useEffect, useRef } from "react";

/**
 * Restores the focus to the element that opened a dialog after it has closed. Mantine's own `returnFocus` fails if the
 * dialog is opened as soon as it is loaded or without a transition: it then remembers an element within the dialog.
 */
export function useRestoreFocus(opened: boolean): void {
  const wasOpened = useRef(false);
  const before = useRef<Element | null>(null);
  // Read during render, because by the time of an effect the dialog may already have taken the focus.
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
