/** Choosing a variant by its options, value by value. */
import type { Product, Variant } from "@/api/schemas";

export type Choice = Readonly<Record<string, string>>;

/** The variant that the choice names completely. */
export function chosenVariant(product: Product, choice: Choice): Variant | undefined {
  if (product.options.length === 0) return product.variants[0];
  return product.variants.find((variant) => product.options.every(({ name }) => variant.options[name] === choice[name]));
}

/** What to begin with: the cheapest that can be bought, or the cheapest. */
export function firstChoice(product: Product): Choice {
  const cheapestFirst = [...product.variants].sort((a, b) => a.price.amount - b.price.amount);
  return (cheapestFirst.find(({ stock }) => stock.available > 0) ?? cheapestFirst[0])?.options ?? {};
}

export type Availability = "available" | "sold_out" | "missing";

/** Whether taking `value` for `option`, with everything else as chosen, leads to something one can buy. */
export function availability(product: Product, choice: Choice, option: string, value: string): Availability {
  const variant = chosenVariant(product, { ...choice, [option]: value });
  if (!variant) return "missing";
  return variant.stock.available > 0 ? "available" : "sold_out";
}

/** The choice after taking `value`: where that combination does not exist, the nearest one that has the value. */
export function choose(product: Product, choice: Choice, option: string, value: string): Choice {
  const wanted = { ...choice, [option]: value };
  if (chosenVariant(product, wanted)) return wanted;
  const kept = (variant: Variant) =>
    product.options.filter(({ name }) => variant.options[name] === wanted[name]).length +
    (variant.stock.available > 0 ? 0.5 : 0);
  const candidates = product.variants.filter((variant) => variant.options[option] === value);
  return candidates.sort((a, b) => kept(b) - kept(a))[0]?.options ?? wanted;
}
