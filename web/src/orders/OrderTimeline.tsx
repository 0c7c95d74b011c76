import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { texts } from "@/texts/orders";
import { IconCheck, IconMinus } from "@tabler/icons-react";
import classes from "./OrderTimeline.module.css";
import { timeline } from "./timeline";

export function OrderTimeline({ order }: { order: Order }) {
  return (
    <ol className={classes.timeline}>
      {timeline(order).map(({ status, label, at, tone }) => (
        <li key={`${status}-${at ?? "ahead"}`} className={classes.step} data-tone={tone} aria-current={tone === "current" ? "step" : undefined}>
          <span className={classes.dot} aria-hidden>
            {tone === "ended" ? <IconMinus size={14} stroke={3} /> : tone !== "ahead" && <IconCheck size={14} stroke={3} />}
          </span>
          <span className={classes.label}>{label}</span>
          {at ? <time dateTime={at}>{atTime(at)}</time> : <span className="hidden-visually">{texts.stepPending}</span>}
        </li>
      ))}
    </ol>
  );
}
