import type { Money } from "@/api/schemas";
import { money } from "@/format/money";
import classes from "./Totals.module.css";

interface TotalsProps {
  lines: readonly { label: string; of: Money | null | undefined; freeAtZero?: boolean; minus?: boolean }[];
  total: { label: string; of: Money | null | undefined };
}

/** A sum under what it is made of. */
export function Totals({ lines, total }: TotalsProps) {
  return (
    <dl className={classes.totals}>
      {lines.map(({ label, of, freeAtZero, minus }) =>
        of ? (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="numbers">{freeAtZero && of.amount === 0 ? "Free" : `${minus ? "−" : ""}${money(of)}`}</dd>
          </div>
        ) : null,
      )}
      <div className={classes.total}>
        <dt>{total.label}</dt>
        <dd className="numbers">{total.of ? money(total.of) : "…"}</dd>
      </div>
    </dl>
  );
}
