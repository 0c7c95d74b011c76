import { useEffect, useRef } from "react";

/**
 * Calls `then` when the browser restores the page from its back/forward cache, with its scripts in the state in which
 * they were left. Pending states from before, such as a loading button, must be reset.
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
