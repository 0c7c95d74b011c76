import type { ReactNode } from "react";
import classes from "./Table.module.css";

interface TableProps {
  /** What the table lists, for screen readers. */
  label: string;
  columns: readonly (string | { title: string; align: "right" })[];
  children: ReactNode;
}

/** A table that scrolls sideways by itself, with the keyboard too, where the screen is narrower than it is. */
export function Table({ label, columns, children }: TableProps) {
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.table}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const { title, align } = typeof column === "string" ? { title: column, align: undefined } : column;
              return (
                <th key={index} scope="col" data-align={align}>
                  {title || <span className="hidden-visually">Actions</span>}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
