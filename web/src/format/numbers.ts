/** Formats numbers that are not money. */
import { LANGUAGE } from "@/texts/language";

const whole = new Intl.NumberFormat(LANGUAGE);
const share = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 2 });

export const count = (value: number): string => whole.format(value);

/** A share of 1 in percent: 0.0825 is "8.25%". */
export const percent = (value: number): string => share.format(value);
