/** Choosing a variant by the values of its options. */
import type { Product, Variant } from "@/api/schemas";

export type Choice = Readonly<Record<string, string>>;

/** The variant with exactly the chosen values. */
export function chosenVariant(product: Product, choice: Choice): Variant | undefined {
  if (product.options.length === 0) return product.variants[0];
  return product.variants.find((variant) => product.options.every(({ name }) => variant.options[name] === choice[name]));
}

/** The initial choice: the cheapest variant in stock, or the cheapest of all. */
export function firstChoice(product: Product): Choice {
  const cheapestFirst = [...product.variants].sort((a, b) => a.price.amount - b.price.amount);
  return (cheapestFirst.find(({ stock }) => stock.available > 0) ?? cheapestFirst[0])?.options ?? {};
}

export type Availability = "available" | "sold_out" | "missing";

/** Whether the variant with `value` for `option`, and the other values as chosen, exists and is in stock. */
export function availability(product: Product, choice: Choice, option: string, value: string): Availability {
  const variant = chosenVariant(product, { ...choice, [option]: value });
  if (!variant) return "missing";
  return variant.stock.available > 0 ? "available" : "sold_out";
}

/** The choice after selecting `value`. If that combination does not exist, the closest one with that value. */
export function choose(product: Product, choice: Choice, option: string, value: string): Choice {
  const selected = { ...choice, [option]: value };
  if (chosenVariant(product, selected)) return selected;
  const matches = (variant: Variant) =>
    product.options.filter(({ name }) => variant.options[name] === selected[name]).length +
    (variant.stock.available > 0 ? 0.5 : 0);
  const candidates = product.variants.filter((variant) => variant.options[option] === value);
  return candidates.sort((a, b) => matches(b) - matches(a))[0]?.options ?? selected;
}
