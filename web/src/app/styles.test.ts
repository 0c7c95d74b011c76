import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "..");
const STYLES = join(SRC, "../node_modules/@mantine/core/styles");
/** Components that use the styles of another component. */
const SAME_AS: Readonly<Record<string, string>> = {
  NativeSelect: "Input",
  Textarea: "Input",
  TextInput: "Input",
};

test("the styles of every Mantine component in use are loaded", () => {
  const loaded = readFileSync(join(SRC, "app/styles.ts"), "utf8");
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx"));
  const used = files.flatMap((file) => {
    const imports = readFileSync(join(SRC, file), "utf8").matchAll(/import \{([^}]*)\} from "@mantine\/core"/g);
    return [...imports].flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()));
  });
  const missing = [...new Set(used)]
    .map((name) => SAME_AS[name] ?? name)
    .filter((name) => existsSync(join(STYLES, `${name}.layer.css`)) && !loaded.includes(`styles/${name}.layer.css`));
  expect(missing).toEqual([]);
});
