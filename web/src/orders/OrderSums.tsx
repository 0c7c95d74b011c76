import type { Money } from "@/api/schemas";
import { money } from "@/format/money";
import { percent } from "@/format/numbers";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/orders";
import classes from "./OrderSums.module.css";
import type { Sums } from "./sums";

/** The rows from the subtotal to the total. Without a total, as in a cart, the subtotal is the emphasized row. */
export function OrderSums({ sums }: { sums: Sums }) {
  const { subtotal, discounts = [], shipping, tax, prices_include_tax: included = false, total, refunded } = sums;
  if (total === undefined) return <dl className={classes.sums}><Row label={texts.subtotal} amount={subtotal} total /></dl>;
  return (
    <dl className={classes.sums}>
      {subtotal && <Row label={texts.subtotal} amount={subtotal} />}
      {discounts.map(({ name, code, amount }, index) => (
        <Row key={index} label={texts.discount(name, code)} amount={amount} minus />
      ))}
      {shipping && <Row label={texts.shipping} amount={shipping} freeAtZero />}
      {!included && isPositive(tax) && <Row label={texts.tax} amount={tax} />}
      <Row label={texts.total} amount={total} total />
      {included && isPositive(tax) && <IncludedTax tax={tax} lines={sums.tax_lines ?? []} />}
      {isPositive(refunded) && <Row label={texts.refunded} amount={refunded} minus />}
    </dl>
  );
}

/** One row for all tax, or one for each rate if there are several. */
function IncludedTax({ tax, lines }: { tax: Money; lines: NonNullable<Sums["tax_lines"]> }) {
  if (lines.length < 2) return <Row label={texts.includesTax} amount={tax} included />;
  return lines.map(({ name, rate, amount }, index) => (
    <Row key={index} label={texts.includesTaxLine(name, percent(Number(rate) / 100))} amount={amount} included />
  ));
}

interface RowProps {
  label: string;
  amount: Money | null;
  freeAtZero?: boolean;
  minus?: boolean;
  total?: boolean;
  included?: boolean;
}

function Row({ label, amount, freeAtZero = false, minus = false, total = false, included = false }: RowProps) {
  const text = !amount ? common.unknownAmount : freeAtZero && amount.amount === 0 ? common.free : money(amount);
  return (
    <div className={total ? classes.total : included ? classes.included : undefined}>
      <dt>{label}</dt>
      <dd className="numbers">{minus ? texts.minus(text) : text}</dd>
    </div>
  );
}

function isPositive(amount: Money | null | undefined): amount is Money {
  return (amount?.amount ?? 0) > 0;
}
