import type { ReactNode } from "react";
import classes from "./Toolbar.module.css";

/** The search field and filters above a list. The first child takes the remaining width. */
export function Toolbar({ children }: { children: ReactNode }) {
  return <div className={classes.tools}>{children}</div>;
}
