import { expect, test } from "vitest";
import { emptyProduct, emptyVariant, validateProduct, takenSkus } from "./productForm";

const withSkus = (...skus: string[]) => ({ ...emptyProduct(), variants: skus.map((sku) => ({ ...emptyVariant(), sku, price: "1" })) });

test("a taken SKU is reported at the new SKUs", () => {
  expect(takenSkus(withSkus("A", "B"), withSkus("A"))).toEqual({ "variants.1.sku": "Another product has this SKU." });
  expect(Object.keys(takenSkus(withSkus("A", "B", "C"), withSkus("A")))).toEqual(["variants.1.sku", "variants.2.sku"]);
});

test("two variants of one product must have different SKUs", () => {
  const { "variants.1.sku": second, "variants.0.sku": first } = validateProduct(withSkus("A", " A "), "USD");
  expect([first, second]).toEqual([undefined, "Another variant of this product has this SKU."]);
});
