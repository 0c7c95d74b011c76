import { Logo } from "@/ui/Logo";
import { useTitle } from "@/ui/useTitle";
import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./AccountPage.module.css";

interface AccountPageProps {
  title: string;
  intro?: ReactNode;
  below?: ReactNode;
  children: ReactNode;
}

/** The layout of the pages for signing in and registering: a single card. */
export function AccountPage({ title, intro, below, children }: AccountPageProps) {
  useTitle(title);
  return (
    <div className={classes.page}>
      <div className={classes.card}>
        <Logo />
        <Title order={1} size="h2" className={classes.title}>
          {title}
        </Title>
        {intro && <p className={classes.intro}>{intro}</p>}
        {children}
      </div>
      {below && <p className={classes.below}>{below}</p>}
    </div>
  );
}
