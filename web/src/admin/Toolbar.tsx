import type { ReactNode } from "react";
import classes from "./Toolbar.module.css";

/** What narrows a list down: a search first, which takes the room there is, and then whatever else. */
export function Toolbar({ children }: { children: ReactNode }) {
  return <div className={classes.tools}>{children}</div>;
}
