/** Converts products between the API and the form, whose fields are text. */
import type { Product, UpdateProduct, CreateProduct } from "@/api/schemas";
import { major, parseMajor } from "@/format/money";
import { texts } from "@/texts/admin/products";

export interface VariantFields {
  /** Null for a new variant. */
  id: string | null;
  sku: string;
  price: string;
  /** For a new variant only; later the stock changes by its ledger. */
  stock: string;
  options: Record<string, string>;
}

export interface ProductFields {
  name: string;
  description: string;
  category: string;
  status: Product["status"];
  attributes: { name: string; value: string }[];
  options: { name: string; values: string }[];
  variants: VariantFields[];
}

export const PRODUCT_STATUSES: readonly { value: Product["status"]; label: string }[] = [
  { value: "active", label: texts.statuses.active },
  { value: "draft", label: texts.statuses.draft },
  { value: "archived", label: texts.statuses.archived },
];

export const emptyVariant = (): VariantFields => ({ id: null, sku: "", price: "", stock: "0", options: {} });

export const emptyProduct = (): ProductFields => ({
  ...{ name: "", description: "", category: "", status: "active" },
  ...{ attributes: [], options: [], variants: [emptyVariant()] },
});

export function toFields(product: Product): ProductFields {
  return {
    name: product.name,
    description: product.description,
    category: product.category ?? "",
    status: product.status,
    attributes: Object.entries(product.attributes).map(([name, value]) => ({ name, value })),
    options: product.options.map(({ name, values }) => ({ name, values: values.join(", ") })),
    variants: product.variants.map(({ id, sku, price, options }) => ({
      ...{ id, sku, stock: "" },
      price: major(price.amount, price.currency),
      options: { ...options },
    })),
  };
}

export function valuesOf(option: { values: string }): string[] {
  return [...new Set(option.values.split(",").map((value) => value.trim()).filter(Boolean))];
}

/** Errors by field name, as far as they can be found before the API validates the product. */
export function validateProduct(fields: ProductFields, currency: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!fields.name.trim()) found.name = texts.enterName;
  if (fields.category && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(fields.category)) {
    found.category = texts.invalidCategory;
  }
  fields.options.forEach((option, index) => {
    if (!option.name.trim()) found[`options.${index}.name`] = texts.enterOption;
    if (valuesOf(option).length === 0) found[`options.${index}.values`] = texts.enterOptionValue;
  });
  fields.variants.forEach((variant, index) => {
    const sku = variant.sku.trim();
    if (!sku) found[`variants.${index}.sku`] = texts.enterSku;
    else if (fields.variants.findIndex((other) => other.sku.trim() === sku) < index) {
      found[`variants.${index}.sku`] = texts.duplicateSku;
    }
    if (parseMajor(variant.price, currency) === null) found[`variants.${index}.price`] = texts.enterPrice;
    if (variant.id === null && !/^\d{1,7}$/.test(variant.stock.trim())) found[`variants.${index}.stock`] = texts.enterStock;
    for (const option of fields.options) {
      if (option.name && !variant.options[option.name]) found[`variants.${index}.options.${option.name}`] = texts.chooseOption;
    }
  });
  return found;
}

/** Errors for a `sku_taken` refusal, which does not name the SKU: it must be one of the new ones. */
export function takenSkus(fields: ProductFields, before: ProductFields): Record<string, string> {
  const known = new Set(before.variants.map(({ sku }) => sku));
  const fresh = fields.variants.flatMap(({ sku }, index) => (known.has(sku.trim()) ? [] : [index]));
  const text = fresh.length === 1 ? texts.skuTaken : texts.oneSkuTaken;
  return Object.fromEntries(fresh.map((index) => [`variants.${index}.sku`, text]));
}

function shared(fields: ProductFields, currency: string) {
  const options = fields.options.map((option) => ({ name: option.name.trim(), values: valuesOf(option) }));
  return {
    name: fields.name.trim(),
    description: fields.description.trim(),
    category: fields.category.trim() || null,
    status: fields.status,
    attributes: Object.fromEntries(
      fields.attributes.map(({ name, value }) => [name.trim(), value.trim()]).filter(([name, value]) => name && value),
    ) as Record<string, string>,
    options,
    variants: fields.variants.map((variant) => ({
      sku: variant.sku.trim(),
      price: { amount: parseMajor(variant.price, currency) ?? 0, currency },
      options: Object.fromEntries(options.map(({ name }) => [name, variant.options[name] ?? ""])),
    })),
  };
}

export function toCreateProduct(fields: ProductFields, currency: string): CreateProduct {
  const { variants, ...rest } = shared(fields, currency);
  return { ...rest, variants: variants.map((variant, index) => ({ ...variant, stock: Number(fields.variants[index]?.stock) })) };
}

/** A PUT replaces the whole product, so the pictures are included unchanged. */
export function toUpdateProduct(fields: ProductFields, currency: string, product: Product): UpdateProduct {
  const { variants, ...rest } = shared(fields, currency);
  return {
    ...rest,
    images: product.images.map(({ id, url, alt }) => ({ id, url, alt: alt ?? "" })),
    variants: variants.map((variant, index) => {
      const { id, stock } = fields.variants[index] ?? emptyVariant();
      return id === null ? { ...variant, stock: Number(stock) } : { ...variant, id };
    }),
  };
}
