import type { ReactNode } from "react";
import classes from "./Tools.module.css";

/** What narrows a list down: a search first, which takes the room there is, and then whatever else. */
export function Tools({ children }: { children: ReactNode }) {
  return <div className={classes.tools}>{children}</div>;
}
