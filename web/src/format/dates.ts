/** Formats points in time. */
import { texts as common } from "@/texts/common";
import { LANGUAGE } from "@/texts/language";

const day = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export const onDay = (at: string): string => day.format(new Date(at));

export const atTime = (at: string): string => moment.format(new Date(at));

/** "2 hours ago" for up to a week, a date for anything older. */
export function ago(at: string, now: number = Date.now()): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  if (Math.abs(seconds) > 7 * 86_400) return onDay(at);
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return unit === "second" ? common.justNow : relative.format(Math.round(seconds / size), unit);
}
