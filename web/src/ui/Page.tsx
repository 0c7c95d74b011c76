import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Page.module.css";
import { useTitle } from "./useTitle";

interface PageProps {
  title: string;
  /** Shown beside the title, or below it on a phone. */
  aside?: ReactNode;
  /** Shown above the title, such as navigation. */
  above?: ReactNode;
  narrow?: boolean;
  children: ReactNode;
}

/** The layout of every page except the front page: one heading and one column of limited width. */
export function Page({ title, aside, above, narrow = false, children }: PageProps) {
  useTitle(title);
  return (
    <div className={classes.page} data-narrow={narrow || undefined}>
      {above}
      <div className={classes.head}>
        <Title order={1}>{title}</Title>
        {aside}
      </div>
      {children}
    </div>
  );
}
