import type { Product } from "@/api/schemas";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { VariantPicker } from "./VariantPicker";

afterEach(cleanup);

const lamp = {
  options: [{ name: "shade", values: ["linen", "paper", "glass"] }],
  variants: ["linen", "paper", "glass"].map((shade, index) => ({
    id: shade,
    sku: shade,
    options: { shade },
    price: { amount: 1000, currency: "USD" },
    stock: { available: index },
  })),
} as unknown as Product;

test("values that are sold out are disabled and labeled", () => {
  render(<VariantPicker product={lamp} choice={{ shade: "paper" }} onChange={vi.fn()} />);
  expect(screen.getByRole<HTMLInputElement>("radio", { name: "linen (sold out)" }).disabled).toBe(true);
  expect(screen.getByRole<HTMLInputElement>("radio", { name: "paper" }).checked).toBe(true);
});

test("passes on the complete choice", () => {
  const onChange = vi.fn();
  render(<VariantPicker product={lamp} choice={{ shade: "paper" }} onChange={onChange} />);
  fireEvent.click(screen.getByRole("radio", { name: "glass" }));
  expect(onChange).toHaveBeenCalledWith({ shade: "glass" });
});
