import { expect, test } from "vitest";
import currencyDigits from "./currencyDigits.json";
import { major, minorDigits, money, parseMajor } from "./money";

/** Some currencies have a dot in their name ("Cg."). */
const digitsOnly = (text: string) => text.replaceAll(/[^\d.,]/g, "").replace(/^\.+/, "");

test("shows minor units as the currency writes them", () => {
  expect(digitsOnly(money({ amount: 24900, currency: "USD" }))).toBe("249.00");
  expect(digitsOnly(money({ amount: 24900, currency: "JPY" }))).toBe("24,900");
  expect(digitsOnly(money({ amount: 24900, currency: "KWD" }))).toBe("24.900");
  expect(digitsOnly(money({ amount: 24900, currency: "HUF" }))).toBe("249.00");
  expect(digitsOnly(money({ amount: 24900, currency: "MGA" }))).toBe("249.00");
  expect(digitsOnly(money({ amount: 24900, currency: "ISK" }))).toBe("24,900");
});

test("shows and reads as many decimal places of each currency as the services store", () => {
  for (const currency of Intl.supportedValuesOf("currency")) {
    const digits = (currencyDigits as Record<string, number>)[currency] ?? 2;
    const decimals = digits ? `.${"0".repeat(digits - 1)}5` : "";
    const amount = digits ? 1234 * 10 ** digits + 5 : 1234;
    expect(digitsOnly(money({ amount, currency })), currency).toBe(`1,234${decimals}`);
    expect(major(amount, currency), currency).toBe(`1234${decimals}`);
    expect(parseMajor(`1234${decimals}`, currency), currency).toBe(amount);
  }
});

test("refuses a comma before three digits in any currency", () => {
  for (const currency of ["USD", "JPY", "KWD"]) expect(parseMajor("1,500", currency)).toBeNull();
  expect(parseMajor("1.500", "KWD")).toBe(1500);
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
