/** The sums of an order, a quote or a cart, as `OrderSums` shows them. */
import type { Money, Order, Quote } from "@/api/schemas";

export interface Discount {
  name: string;
  code: string | null;
  level: "item" | "order" | "shipping";
  /** Positive; it reduces the total. */
  amount: Money;
}

export interface TaxLine {
  name: string;
  /** In percent, as a decimal: "4.875". */
  rate: string;
  /** The rate, rounded. */
  basis_points: number;
  base: Money;
  amount: Money;
  /** Whether the amount is part of the prices; otherwise it is added to them. */
  included: boolean;
}

/** Null: not known yet. Undefined: does not apply, such as everything but the subtotal of a cart. */
export interface Sums {
  subtotal: Money | null;
  discounts?: readonly Discount[];
  shipping?: Money | null;
  tax?: Money | null;
  tax_lines?: readonly TaxLine[];
  prices_include_tax?: boolean;
  total?: Money | null;
  refunded?: Money | null;
}

/** The API documents discounts and tax lines without their members; these are the members they have. */
export function sumsOf(of: Order | Quote): Sums {
  return of as unknown as Sums;
}
