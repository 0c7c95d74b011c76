/**
 * Visits pages with Lighthouse, each as the person it is for, and writes one result after the other on standard output.
 *
 * What to do comes as JSON on standard input: the shop's url, the browser's program, a folder for the reports, and for
 * each person how they sign in and which pages they see. A person keeps one browser with its cookies, as people do.
 */
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

/** Nothing of the browser's own asks the network; the launcher's flags see to the rest. */
const FLAGS = ["--headless=new", "--disable-dev-shm-usage", "--disable-field-trial-config", "--no-pings", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
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

/** Signs in and puts something into the cart, by the API as the pages do: the cookies are what stays. */
async function prepare(port, { login, puts }) {
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: null });
  const page = await browser.newPage();
  // Once the page itself is done asking: its own renewal of the session must not run beside this.
  await page.goto(`${job.url}/forgot`, { waitUntil: "networkidle0" });
  const status = await page.evaluate(
    async (login, puts) => {
      const headers = { "Content-Type": "application/json" };
      const post = (path, body) => fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      if (login) {
        const answer = await post("/api/auth/login", login);
        if (!answer.ok) return answer.status;
        headers.Authorization = `Bearer ${(await answer.json()).access_token}`;
      }
      return puts ? (await post("/api/cart/items", puts)).status : 200;
    },
    login,
    puts,
  );
  if (status !== 200) throw new Error(`the shop answered ${status} while a visit was prepared`);
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

async function measure(port, person, { path, form, fast }, run) {
  await forgetFiles(port);
  const flags = { port, logLevel: "error", output: "json", onlyCategories: CATEGORIES, disableStorageReset: true, maxWaitForLoad: 60_000 };
  const look = async () => (await lighthouse(job.url + path, flags, form === "desktop" ? desktopConfig : undefined)).lhr;
  let lhr = await look();
  // Now and then it loses the beginning of its own recording, and says so.
  if (lhr.runtimeError) lhr = await look();
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
