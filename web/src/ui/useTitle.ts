import { useEffect } from "react";

/** What the tab and the browser's history call this page. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · Serai` : "Serai";
  }, [title]);
}
