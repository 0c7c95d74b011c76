/** Formats numbers that are not money. */
import { LANGUAGE } from "@/texts/language";

const whole = new Intl.NumberFormat(LANGUAGE);
const share = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 3 });

export const count = (value: number): string => whole.format(value);

/** A share of 1 in percent: 0.04875 is "4.875%". */
export const percent = (value: number): string => share.format(value);
