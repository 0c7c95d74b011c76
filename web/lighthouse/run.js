/**
 * Visits pages with Lighthouse, each as the person it is for, and writes one result after the other on standard output.
 *
 * What to do comes as JSON on standard input: the shop's url, the browser's program, a folder for the reports, and for
 * each person how they sign in and which pages they see. A person keeps one browser with its cookies, as people do.
 */
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import puppeteer from "puppeteer-core";

/** Nothing of the browser's own asks the network; the launcher's flags see to the rest. */
const FLAGS = ["--headless=new", "--disable-dev-shm-usage", "--disable-field-trial-config", "--no-pings", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
const ATTEMPTS = 5;
const PATIENCE_MS = 10_000;
const CATEGORIES = ["performance", "accessibility", "best-practices"];

const job = JSON.parse(await readFile("/dev/stdin", "utf8"));
await mkdir(job.reports, { recursive: true });
for (const person of job.people) await walk(person);

async function walk(person) {
  const chrome = await launch({ chromePath: job.chromium, chromeFlags: [...FLAGS, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])], logLevel: "error" });
  try {
    await prepare(chrome.port, person);
    for (const visit of person.visits) {
      for (let run = 0; run < visit.runs; run++) await measure(chrome.port, person, visit, run);
    }
  } finally {
    chrome.kill();
  }
}

/** Signs in on the page for that, or puts something into a visitor's cart: cookies and storage are what stays. */
async function prepare(port, { login, puts }) {
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: null });
  const page = await browser.newPage();
  await page.goto(`${job.url}/sign-in`, { waitUntil: "networkidle0" });
  if (login) {
    await page.type("input[name=email]", login.email);
    await page.type("input[name=password]", login.password);
    await page.click("main form button[type=submit]");
    await page.waitForSelector("button[aria-haspopup=menu]");
  }
  if (puts) {
    const ask = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(puts) };
    const status = await page.evaluate(async (wanted) => (await fetch("/api/cart/items", wanted)).status, ask);
    if (status !== 200) throw new Error(`the shop answered ${status} when something was put into the cart`);
  }
  await page.close();
  await browser.disconnect();
}

/** A first visit has nothing in its cache; what people are known by stays. */
async function forgetFiles(port) {
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: null });
  const page = await browser.newPage();
  const devtools = await page.createCDPSession();
  await devtools.send("Network.clearBrowserCache");
  await page.close();
  await browser.disconnect();
}

/** What others do on this machine would be counted as the page's own slowness: it waits a while for a quiet moment. */
async function quiet() {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await busy()) > 0.5 && performance.now() < deadline);
}

async function busy() {
  const sum = () => cpus().reduce(([idle, all], { times }) => [idle + times.idle, all + Object.values(times).reduce((a, b) => a + b)], [0, 0]);
  const before = sum();
  await setTimeout(400);
  const after = sum();
  return 1 - (after[0] - before[0]) / (after[1] - before[1]);
}

async function measure(port, person, { path, form, fast }, run) {
  const flags = { port, logLevel: "error", output: "json", onlyCategories: CATEGORIES, disableStorageReset: true, maxWaitForLoad: 60_000 };
  let lhr;
  // On a busy machine it may lose the beginning of its own recording, and says so.
  for (let attempt = 0; attempt < ATTEMPTS && (!lhr || lhr.runtimeError); attempt++) {
    await forgetFiles(port);
    if (fast) await quiet();
    ({ lhr } = await lighthouse(job.url + path, flags, form === "desktop" ? desktopConfig : undefined));
  }
  const name = `${person.name}-${form}${path.replaceAll("/", "_")}-${run}.json`;
  await writeFile(join(job.reports, name), JSON.stringify(lhr));
  const score = (category) => Math.round((lhr.categories[category].score ?? 0) * 100);
  const ms = (audit) => Math.round(lhr.audits[audit].numericValue ?? 0);
  const lost = CATEGORIES.slice(1).flatMap((category) =>
    lhr.categories[category].auditRefs
      .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 1)
      .map(({ id }) => id),
  );
  const result = {
    person: person.name,
    path,
    form,
    fast,
    ended_at: new URL(lhr.finalDisplayedUrl).pathname,
    performance: score("performance"),
    accessibility: score("accessibility"),
    best_practices: score("best-practices"),
    fcp_ms: ms("first-contentful-paint"),
    lcp_ms: ms("largest-contentful-paint"),
    tbt_ms: ms("total-blocking-time"),
    cls: Math.round((lhr.audits["cumulative-layout-shift"].numericValue ?? 0) * 1000) / 1000,
    lost,
    error: lhr.runtimeError?.message ?? null,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
