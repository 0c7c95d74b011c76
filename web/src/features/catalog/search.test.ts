import { expect, test } from "vitest";
import { isFiltered, readSearch, toQuery, totalFound } from "./search";

test("reads every search parameter", () => {
  const raw = { q: " oak desk ", category: "furniture", min_price: "5000", max_price: "20000", in_stock: "true", sort: "price" };
  expect(readSearch(raw)).toEqual({
    q: "oak desk",
    category: "furniture",
    min_price: 5000,
    max_price: 20000,
    in_stock: true,
    sort: "price",
  });
});

test.each([
  { q: "   " },
  { category: "../../etc" },
  { category: "Möbel" },
  { min_price: "-1" },
  { min_price: "1.5" },
  { max_price: "NaN" },
  { max_price: "99999999999999999999" },
  { in_stock: "maybe" },
  { sort: "worst" },
  { sort: "relevance" },
  { q: ["a", "b"] },
  { unknown: "x" },
])("leaves out what makes no sense: %j", (raw) => {
  expect(readSearch(raw)).toEqual({});
});

test("drops an upper price below the lower one", () => {
  expect(readSearch({ min_price: "500", max_price: "400" })).toEqual({ min_price: 500 });
});

test("sorts by relevance only with a search term", () => {
  expect(readSearch({ q: "oak", sort: "relevance" })).toEqual({ q: "oak", sort: "relevance" });
});

test("text that looks like a number stays text", () => {
  expect(readSearch({ q: "007" })).toEqual({ q: "007" });
});

test("reads the URL that it wrote", () => {
  const search = readSearch({ q: "oak", in_stock: "true", max_price: "100" });
  expect(readSearch(toQuery(search))).toEqual(search);
});

test("a search without filters is not filtered", () => {
  expect(isFiltered({ q: "oak", sort: "name" })).toBe(false);
  expect(isFiltered({ max_price: 0 })).toBe(true);
});

const facets = {
  category: [{ value: "audio", count: 4 }, { value: "kitchen", count: 7 }],
  price: [{ value: "0-1000", min_price: 0, max_price: 1000, count: 9 }, { value: "1000-", min_price: 1000, max_price: null, count: 3 }],
};

test("the number found is that of the chosen category, or of all prices", () => {
  expect(totalFound({ category: "kitchen", min_price: 500 }, facets)).toBe(7);
  expect(totalFound({ q: "lamp" }, facets)).toBe(12);
});

test("the number found is unknown where no facet counts exactly these products", () => {
  expect(totalFound({ max_price: 500 }, facets)).toBeNull();
  expect(totalFound({}, { ...facets, price: [] })).toBeNull();
  expect(totalFound({ category: "gone" }, facets)).toBeNull();
  expect(totalFound({}, undefined)).toBeNull();
});
