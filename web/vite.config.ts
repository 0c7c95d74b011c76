import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { compress } from "./scripts/compress.ts";
import { pages } from "./scripts/pages.ts";

/** The gateway of a running shop, for `npm run dev` and `npm run preview`. */
const shop = process.env.SERAI_SHOP ?? `http://localhost:${process.env.SERAI_PORT ?? 8080}`;

/**
 * Vite serves the pages and proxies everything else to the shop, so that there is one origin as in production. Routes
 * that use a cookie refuse other origins, so the proxy sends the origin of the shop.
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
    // Inline nothing: the content security policy forbids data: scripts and styles, and files can be cached permanently.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The manifest is in a hidden folder so that it is not served. The test of the first load reads it.
    manifest: ".vite/manifest.json",
    rolldownOptions: {
      output: {
        // Libraries are in chunks of their own, so that they stay in the browser's cache when a release changes only
        // our code.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: "tanstack", test: /node_modules[\\/]@tanstack[\\/]/ },
            // Modules that most pages share are one chunk: dozens of small files load slower than a few unused bytes.
            { name: "shared", minShareCount: 9, priority: -1 },
          ],
        },
      },
    },
  },
  // One worker and DOM for several test files, each in its own realm, instead of one worker and DOM for each file.
  test: { environment: "happy-dom", pool: "vmThreads", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
