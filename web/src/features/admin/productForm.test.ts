import { expect, test } from "vitest";
import { emptyProduct, emptyVariant, takenSkus, toPatchProduct, validateProduct, type ProductFields } from "./productForm";

const withSkus = (...skus: string[]) => ({ ...emptyProduct(), variants: skus.map((sku) => ({ ...emptyVariant(), sku, price: "1" })) });

test("a taken SKU is reported at the new SKUs", () => {
  expect(takenSkus(withSkus("A", "B"), withSkus("A"))).toEqual({ "variants.1.sku": "Another product has this SKU." });
  expect(Object.keys(takenSkus(withSkus("A", "B", "C"), withSkus("A")))).toEqual(["variants.1.sku", "variants.2.sku"]);
});

test("two variants of one product must have different SKUs", () => {
  const { "variants.1.sku": second, "variants.0.sku": first } = validateProduct(withSkus("A", " A "), "USD");
  expect([first, second]).toEqual([undefined, "Another variant of this product has this SKU."]);
});

const shirt: ProductFields = {
  ...{ name: "Shirt", description: "Linen.", category: "clothing", status: "active" },
  attributes: [{ name: "material", value: "linen" }, { name: "fit", value: "slim" }],
  options: [{ name: "size", values: "S, M" }],
  variants: [
    { id: "1", sku: "SHIRT-S", price: "15.00", stock: "", options: { size: "S" } },
    { id: "2", sku: "SHIRT-M", price: "16.00", stock: "", options: { size: "M" } },
  ],
};
const [small, medium] = shirt.variants as [ProductFields["variants"][0], ProductFields["variants"][0]];
const patchOf = (edited: Partial<ProductFields>) => toPatchProduct({ ...shirt, ...edited }, shirt, "USD");

test("only the edited fields of a product are sent", () => {
  expect(patchOf({})).toEqual({});
  expect(patchOf({ name: " Shirt ", variants: [{ ...small, price: "15" }, medium] })).toEqual({});
  expect(patchOf({ description: "Cotton.", status: "draft" })).toEqual({ description: "Cotton.", status: "draft" });
  expect(patchOf({ category: "" })).toEqual({ category: null });
});

test("a removed detail is sent as null, and others are left out", () => {
  expect(patchOf({ attributes: [{ name: "material", value: "cotton" }] })).toEqual({
    attributes: { material: "cotton", fit: null },
  });
  expect(patchOf({ attributes: [...shirt.attributes, { name: "care", value: "cold" }] })).toEqual({
    attributes: { care: "cold" },
  });
});

test("an edited variant is sent with its edited fields, beside the ids of the others", () => {
  const price = { amount: 900, currency: "USD" };
  expect(patchOf({ variants: [small, { ...medium, price: "9" }] })).toEqual({ variants: [{ id: "1" }, { id: "2", price }] });
  expect(patchOf({ variants: [medium] })).toEqual({ variants: [{ id: "2" }] });
  expect(patchOf({ variants: [medium, small] })).toEqual({ variants: [{ id: "2" }, { id: "1" }] });
});

test("a new variant is sent completely, with its stock", () => {
  const large = { id: null, sku: "SHIRT-L", price: "17", stock: "3", options: { size: "L" } };
  expect(patchOf({ options: [{ name: "size", values: "S, M, L" }], variants: [small, medium, large] })).toEqual({
    options: [{ name: "size", values: ["S", "M", "L"] }],
    variants: [
      { id: "1" },
      { id: "2" },
      { sku: "SHIRT-L", price: { amount: 1700, currency: "USD" }, options: { size: "L" }, stock: 3 },
    ],
  });
});
