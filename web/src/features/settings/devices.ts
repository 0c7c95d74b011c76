/** A browser by the name people know it by. User agents lie about each other, so the order matters. */
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
  const name = [find(BROWSERS), find(SYSTEMS)].filter(Boolean).join(" on ");
  return { name: name || "Unknown device", mobile: /iPhone|iPad|Android|Mobile/.test(agent) };
}
