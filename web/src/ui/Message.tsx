/** A page or a part of one that has nothing to show: why, and what to do next. */
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
  /** The heading's level, so that the outline of the page stays in order. */
  order?: 1 | 2 | 3;
  tone?: "calm" | "bad";
}

export function Message({ icon: Picture, title, children, action, order = 2, tone = "calm" }: MessageProps) {
  // In place of a whole page it is what the page is about.
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
