import { useEffect } from "react";

/** What the tab and the browser's history call this page; null leaves that to somebody else. */
export function useTitle(title: string | undefined | null): void {
  useEffect(() => {
    if (title !== null) document.title = title ? `${title} · Serai` : "Serai";
  }, [title]);
}
