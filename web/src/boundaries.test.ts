/** Which folders may import which. Features do not import each other: what two of them need is in a layer below. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, ".");
/** A layer may import the layers before it, and itself. */
const LAYERS = ["texts", "format", "api", "session", "ui", "products", "orders", "admin", "features", "app"];
/** The API client gets its token from the session, which a sign-in call starts. Texts and formats use types of the API. */
const EXCEPTIONS = new Set(["api -> session", "format -> api", "texts -> api", "session -> ui"]);

function imports(): { file: string; target: string }[] {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file) && !file.includes("generated"));
  return files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    return [...text.matchAll(/(?:from|import\() ?"([@.]\/[^"]+|\.\.\/[^"]+)"/g)].map(([, target = ""]) => ({
      file,
      target: target.startsWith("@/") ? target.slice(2) : relative(SRC, join(SRC, file, "..", target)),
    }));
  });
}

const layerOf = (path: string) => path.split("/")[0] ?? "";
const featureOf = (path: string) => (path.startsWith("features/") ? path.split("/")[1] : undefined);

test("features do not import each other", () => {
  const wrong = imports().filter(
    ({ file, target }) => featureOf(file) && featureOf(target) && featureOf(file) !== featureOf(target),
  );
  expect(wrong).toEqual([]);
});

test("imports go down the layers", () => {
  const wrong = imports().filter(({ file, target }) => {
    const [from, to] = [layerOf(file), layerOf(target)];
    if (!LAYERS.includes(from) || !LAYERS.includes(to) || EXCEPTIONS.has(`${from} -> ${to}`)) return false;
    return LAYERS.indexOf(to) > LAYERS.indexOf(from);
  });
  expect(wrong).toEqual([]);
});

test("the texts of the admin area are imported by the admin area only", () => {
  const wrong = imports().filter(
    ({ file, target }) => target.startsWith("texts/admin/") && !/^(admin|features\/admin|texts\/admin)\//.test(file),
  );
  expect(wrong).toEqual([]);
});
