/**
 * Generates src/api/generated/ from the committed OpenAPI documents.
 *
 * The files are not committed. They are generated before each type check, so they always match the documents. The build
 * does not need them, because types are erased.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const documents = new URL("../../openapi/", import.meta.url);
const generated = new URL("../src/api/generated/", import.meta.url);

await rm(generated, { recursive: true, force: true });
await mkdir(generated, { recursive: true });
for (const name of (await readdir(documents)).filter((file) => file.endsWith(".json"))) {
  const types = astToString(await openapiTS(new URL(name, documents), { defaultNonNullable: false }));
  await writeFile(new URL(name.replace(/\.json$/, ".ts"), generated), types);
}
