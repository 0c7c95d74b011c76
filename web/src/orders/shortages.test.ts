import { expect, test } from "vitest";
import { shortages } from "./shortages";

test("reads which variants are short and how many there are", () => {
  expect(shortages([{ variant_id: "v", requested: 3, available: 1 }])).toEqual([{ variantId: "v", available: 1 }]);
});

test.each([[undefined], [null], ["x"], [[null, 1, {}, { variant_id: 1, available: "2" }]]])("finds nothing in %j", (items) => {
  expect(shortages(items)).toEqual([]);
});
