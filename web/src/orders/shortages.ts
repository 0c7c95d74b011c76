/** A variant that is not available in the requested quantity. */
export interface Shortage {
  variantId: string;
  available: number;
}

/** Reads `items` of an `out_of_stock` refusal, or of the failure of a rejected order. Ignores malformed entries. */
export function shortages(items: unknown): Shortage[] {
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => {
    if (typeof item !== "object" || item === null) return [];
    const { variant_id, available } = item as Record<string, unknown>;
    return typeof variant_id === "string" && typeof available === "number" ? [{ variantId: variant_id, available }] : [];
  });
}
