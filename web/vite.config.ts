import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { compress } from "./scripts/compress.ts";
import { pages } from "./scripts/pages.ts";

/** A running shop's gateway, for `npm run dev` and `npm run preview`. */
const shop = process.env.SERAI_SHOP ?? `http://localhost:${process.env.SERAI_PORT ?? 8080}`;

/**
 * The pages come from Vite and everything else from the shop, under one origin as in production. Routes that live on
 * a cookie refuse a foreign Origin, and to the shop this development server would be one: it speaks as the shop's own page.
 */
const toShop = { target: shop, changeOrigin: true, headers: { origin: new URL(shop).origin } };
const proxy = { "/api": toShop, "/media": toShop, "/docs": toShop, "/openapi": toShop };

export default defineConfig({
  plugins: [react(), pages(), compress()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { host: "127.0.0.1", port: Number(process.env.SERAI_WEB_PORT ?? 5173), strictPort: true, proxy },
  preview: { host: "127.0.0.1", port: Number(process.env.SERAI_WEB_PORT ?? 4173), strictPort: true, proxy },
  build: {
    target: "es2022",
    assetsDir: "assets",
    // Nothing is inlined: the content security policy of the pages allows no data: scripts or styles, and a file can be kept for ever.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Which file needs which: hidden, so that it is not served. The test of how much a page loads reads it.
    manifest: ".vite/manifest.json",
    rolldownOptions: {
      output: {
        // What changes with our code and what changes with a library are kept apart, so that a release of ours leaves
        // the larger half in the browser's cache.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: "tanstack", test: /node_modules[\\/]@tanstack[\\/]/ },
            // What most pages have in common comes in one piece: dozens of tiny files are slower than some bytes too many.
            { name: "shared", minShareCount: 9, priority: -1 },
          ],
        },
      },
    },
  },
  // One DOM for each worker and a realm of its own for each file, instead of a worker and a DOM for each file.
  test: { environment: "happy-dom", pool: "vmThreads", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
