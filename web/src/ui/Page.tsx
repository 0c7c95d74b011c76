import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Page.module.css";
import { useTitle } from "./useTitle";

interface PageProps {
  title: string;
  /** Beside or, on a phone, under the title. */
  aside?: ReactNode;
  /** Over the title: where one came from. */
  above?: ReactNode;
  narrow?: boolean;
  children: ReactNode;
}

/** The frame of every page that is not a front page: one heading, one column of measured width. */
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
