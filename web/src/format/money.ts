/**
 * Formats and parses money. Amounts are in minor units of their currency (US cents, Japanese yen).
 *
 * The decimal places are those of the services. Browsers have their own, which differ: Chrome shows none for the forint.
 */
import type { Money } from "@/api/schemas";
import { LANGUAGE } from "@/texts/language";
import currencyDigits from "./currencyDigits.json";

const UNUSUAL: Readonly<Record<string, number>> = currencyDigits;

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string): Intl.NumberFormat {
  let format = formats.get(currency);
  if (!format) {
    const digits = minorDigits(currency);
    format = new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(currency, format);
  }
  return format;
}

export function minorDigits(currency: string): number {
  return UNUSUAL[currency] ?? 2;
}

export function money({ amount, currency }: Money): string {
  return formatOf(currency).format(amount / 10 ** minorDigits(currency));
}

/**
 * Parses an amount typed in major units into minor units. Null if it is not an amount of this currency, or if it could be
 * two: "1,500" is one and a half thousand to some and one and a half to others.
 */
export function parseMajor(text: string, currency: string): number | null {
  const digits = minorDigits(currency);
  if (/,\d{3}$/.test(text.trim())) return null;
  const match = /^(\d{1,10})(?:[.,](\d*))?$/.exec(text.trim());
  if (!match) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > digits) return null;
  return Number(match[1]) * 10 ** digits + Number(fraction.padEnd(digits, "0") || "0");
}

/** Minor units as the text of an input field, in major units. */
export function major(amount: number, currency: string): string {
  return (amount / 10 ** minorDigits(currency)).toFixed(minorDigits(currency));
}
