import { useLayoutEffect, useRef, type RefObject } from "react";

/** For what can be taken away by a button of its own: the focus goes to the page's content then, not out of the page. */
export function useFocusMainOnUnmount<Part extends HTMLElement>(): RefObject<Part | null> {
  const part = useRef<Part>(null);
  useLayoutEffect(() => {
    const { current } = part;
    // Before it leaves the page.
    return () => {
      if (current?.contains(document.activeElement)) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return part;
}
