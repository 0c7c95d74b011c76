import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./SettingsPage.module.css";

interface SectionProps {
  title: string;
  intro: string;
  children: ReactNode;
}

export function Section({ title, intro, children }: SectionProps) {
  return (
    <section className={classes.section}>
      <div>
        <Title order={2} size="h3">
          {title}
        </Title>
        <p className={classes.intro}>{intro}</p>
      </div>
      <div className={classes.fields}>{children}</div>
    </section>
  );
}
