/** Browsers by their user agent. A user agent may contain the names of other browsers, so the order matters. */
import { texts } from "@/texts/settings";

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\/|Opera/, "Opera"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
  [/^curl\//, "curl"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux|X11/, "Linux"],
];

export function describeDevice(userAgent: string | null): { name: string; mobile: boolean } {
  const agent = userAgent ?? "";
  const find = (known: readonly [RegExp, string][]) => known.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  const name = browser && system ? texts.device(browser, system) : (browser ?? system ?? texts.unknownDevice);
  return { name, mobile: /iPhone|iPad|Android|Mobile/.test(agent) };
}
