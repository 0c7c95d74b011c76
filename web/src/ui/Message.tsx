/** Stands in for a page or section without content: says why, and what to do next. */
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Title } from "@mantine/core";
import { useTitle } from "./useTitle";
import classes from "./Message.module.css";

interface MessageProps {
  icon: Icon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** The level of the heading. Level 1 makes the message the title of the page. */
  order?: 1 | 2 | 3;
  tone?: "calm" | "bad";
}

export function Message({ icon: Picture, title, children, action, order = 2, tone = "calm" }: MessageProps) {
  // A message in place of a whole page also sets the document's title.
  useTitle(order === 1 ? title : null);
  return (
    <div className={classes.message} data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <span className={classes.icon} aria-hidden>
        <Picture size={28} stroke={1.6} />
      </span>
      <Title order={order} size="h2">
        {title}
      </Title>
      {children && <div className={classes.text}>{children}</div>}
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}
