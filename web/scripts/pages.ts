/**
 * Writes .vite/pages.json: the files that each page needs in addition to those that index.html names. The web service
 * sends them as preload headers with the page; otherwise the browser would discover them one after another.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest, Plugin } from "vite";
import { FIRST_CALLS } from "../src/app/firstCalls.ts";

const ROUTE = /path: "([^"]+)",.*?import\("@\/([^"]+)"\)/gs;

export function pages(): Plugin {
  let root = "";
  return {
    name: "pages",
    apply: "build",
    configResolved(config) {
      root = config.root;
    },
    async writeBundle({ dir = "" }) {
      const manifest = JSON.parse(await readFile(join(dir, ".vite/manifest.json"), "utf8")) as Manifest;
      const router = await readFile(join(root, "src/app/router.tsx"), "utf8");
      const everywhere = filesOf(manifest, "index.html");
      const fonts = Object.values(manifest).flatMap(({ file }) => (/figtree-latin-wght.*\.woff2$/.test(file) ? [file] : []));
      const found = [...router.matchAll(ROUTE)].map(([, path = "", module = ""]) => {
        const own = [...filesOf(manifest, `src/${module}.tsx`)].filter((file) => !everywhere.has(file));
        const calls = [...(FIRST_CALLS["*"] ?? []), ...(FIRST_CALLS[path] ?? [])];
        return [path.replace(/\$(\w+)/g, "{$1}"), [...[...fonts, ...own].map((file) => `/${file}`), ...calls]];
      });
      await writeFile(join(dir, ".vite/pages.json"), JSON.stringify(Object.fromEntries(found), null, 1));
    },
  };
}

/** The file of a module and those of its static imports, with their styles. */
function filesOf(manifest: Manifest, module: string, found = new Set<string>()): Set<string> {
  const chunk = manifest[module];
  if (!chunk) throw new Error(`the build has no ${module}`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const style of chunk.css ?? []) found.add(style);
  for (const other of chunk.imports ?? []) filesOf(manifest, other, found);
  return found;
}
