import { expect, test } from "vitest";
import { newKey, newAttempt } from "./idempotency";
import { Refusal, Unreachable } from "./problem";

/** Runs one attempt several times and collects the keys. An outcome is the error to throw; none is a success. */
async function keysOf(runs: readonly { body: unknown; outcome?: Error }[]): Promise<string[]> {
  const attempt = newAttempt();
  const keys: string[] = [];
  for (const { body, outcome } of runs) {
    await attempt
      .run(body, async (key) => {
        keys.push(key);
        if (outcome) throw outcome;
        return null;
      })
      .catch(() => undefined);
  }
  return keys;
}

const refused = (status: number, code = "x") => new Refusal({ code }, status);
const body = { total: 1 };

test("keys are long, printable and never the same", () => {
  const keys = new Set(Array.from({ length: 1000 }, newKey));
  expect(keys.size).toBe(1000);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});

test.each([
  ["no answer", new Unreachable()],
  ["a server error", refused(500)],
  ["not now", refused(503)],
  ["too many", refused(429)],
  ["still running", refused(409, "idempotency_in_progress")],
])("keeps the key after %s", async (_name, outcome) => {
  const [first, second] = await keysOf([{ body, outcome }, { body }]);
  expect(second).toBe(first);
});

test.each([
  ["success", undefined],
  ["a conflict", refused(409, "out_of_stock")],
  ["a refused value", refused(422)],
])("takes a new key after %s", async (_name, outcome) => {
  const [first, second] = await keysOf([{ body, ...(outcome && { outcome }) }, { body }]);
  expect(second).not.toBe(first);
});

test("takes a new key for another body, even if the outcome of the last request is unknown", async () => {
  const [first, second] = await keysOf([{ body, outcome: new Unreachable() }, { body: { total: 2 } }]);
  expect(second).not.toBe(first);
});

test("returns the answer of the call, or throws its error", async () => {
  const attempt = newAttempt();
  await expect(attempt.run(body, () => Promise.resolve("paid"))).resolves.toBe("paid");
  await expect(attempt.run(body, () => Promise.reject(refused(409)))).rejects.toBeInstanceOf(Refusal);
});
