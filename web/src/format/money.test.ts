import { expect, test } from "vitest";
import { major, minorDigits, money, parseMajor } from "./money";

const digitsOnly = (text: string) => text.replaceAll(/[^\d.,]/g, "");

test("shows minor units as the currency writes them", () => {
  expect(digitsOnly(money({ amount: 24900, currency: "USD" }))).toBe("249.00");
  expect(digitsOnly(money({ amount: 24900, currency: "JPY" }))).toBe("24,900");
  expect(digitsOnly(money({ amount: 24900, currency: "KWD" }))).toBe("24.900");
});

test("shows the largest amount of the API exactly", () => {
  expect(digitsOnly(money({ amount: 999_999_999_999, currency: "USD" }))).toBe("9,999,999,999.99");
});

test("knows how many digits a currency has", () => {
  expect([minorDigits("USD"), minorDigits("JPY"), minorDigits("KWD")]).toEqual([2, 0, 3]);
});

test.each([
  ["25", "USD", 2500],
  ["19.9", "USD", 1990],
  ["19,90", "USD", 1990],
  [" 0.07 ", "USD", 7],
  ["1.", "USD", 100],
  ["250", "JPY", 250],
  ["1.005", "KWD", 1005],
])("reads %j in %s", (text, currency, amount) => {
  expect(parseMajor(text, currency)).toBe(amount);
});

test.each(["", "abc", "-1", "1.999", "1e3", "1 000", "0x10", ".5", "99999999999"])("refuses %j as an amount", (text) => {
  expect(parseMajor(text, "USD")).toBeNull();
});

test("what it shows in a field is what it reads from one", () => {
  for (const amount of [0, 1, 99, 100, 24900, 1_000_000_00]) expect(parseMajor(major(amount, "USD"), "USD")).toBe(amount);
});
