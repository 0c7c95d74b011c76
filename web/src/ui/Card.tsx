import type { ReactNode } from "react";
import { Title } from "@mantine/core";
import classes from "./Card.module.css";

/** A titled section of a page. */
export function Card({ title, children, className }: { title?: string; children: ReactNode; className?: string | undefined }) {
  return (
    <section className={className ? `${classes.card} ${className}` : classes.card}>
      {title && (
        <Title order={2} size="h3">
          {title}
        </Title>
      )}
      {children}
    </section>
  );
}
