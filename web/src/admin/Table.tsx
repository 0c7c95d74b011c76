import { texts } from "@/texts/admin/common";
import { useMediaQuery } from "@mantine/hooks";
import type { CSSProperties, ReactNode } from "react";
import classes from "./Table.module.css";

interface TableProps {
  /** The accessible name of the table. */
  label: string;
  columns: readonly (string | { title: string; align: "right" })[];
  children: ReactNode;
}

/**
 * A table that scrolls horizontally, also with the keyboard, on narrow screens. On a phone its rows are shown as cards.
 */
export function Table({ label, columns, children }: TableProps) {
  const cards = useMediaQuery("(max-width: 40em)");
  const titles = columns.map((column) => (typeof column === "string" ? column : column.title));
  return (
    <div className={classes.scroll} tabIndex={cards ? undefined : 0} role="region" aria-label={label}>
      <table className={classes.table} style={namesFor(titles)}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col" data-align={typeof column === "string" ? undefined : column.align}>
                {titles[index] || <span className="hidden-visually">{texts.actions}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** The columns' names as CSS variables, which the style sheet shows in front of the cells of a card. */
function namesFor(titles: readonly string[]): CSSProperties {
  return Object.fromEntries(titles.map((title, index) => [`--column-${index + 1}`, JSON.stringify(title)]));
}
