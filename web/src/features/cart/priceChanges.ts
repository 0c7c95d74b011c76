/** A cart always has current prices; this module remembers the prices shown before, to explain a change. */
import type { Cart, Money } from "@/api/schemas";
import { useState } from "react";

/** The last prices shown since the page was loaded, by variant. */
const seen = new Map<string, Money>();

/** The former price of each variant whose price has changed, for as long as the page is open. */
export function usePriceChanges(cart: Cart): ReadonlyMap<string, Money> {
  const [before] = useState(() => new Map(seen));
  const changed = new Map<string, Money>();
  for (const { variant_id, unit_price } of cart.items) {
    const former = before.get(variant_id) ?? seen.get(variant_id);
    if (former && former.amount !== unit_price.amount) changed.set(variant_id, former);
    seen.set(variant_id, unit_price);
    if (!before.has(variant_id)) before.set(variant_id, unit_price);
  }
  return changed;
}
