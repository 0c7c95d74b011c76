import { useLayoutEffect, useRef, type RefObject } from "react";

/** For an element that a button within it can remove: the focus then moves to the page's content and is not lost. */
export function useFocusMainOnUnmount<Part extends HTMLElement>(): RefObject<Part | null> {
  const part = useRef<Part>(null);
  useLayoutEffect(() => {
    const { current } = part;
    // Runs before the element is removed from the document.
    return () => {
      if (current?.contains(document.activeElement)) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return part;
}
