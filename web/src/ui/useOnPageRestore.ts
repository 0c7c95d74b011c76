import { useEffect, useRef } from "react";

/**
 * Runs `then` when the browser shows the page again exactly as it was left, scripts and all: the back button does that
 * after a visit elsewhere. Whatever was under way on leaving has to be taken back, or it goes on for ever.
 */
export function useOnPageRestore(then: () => void): void {
  const latest = useRef(then);
  latest.current = then;
  useEffect(() => {
    const shown = ({ persisted }: PageTransitionEvent) => {
      if (persisted) latest.current();
    };
    addEventListener("pageshow", shown);
    return () => removeEventListener("pageshow", shown);
  }, []);
}
