/**
 * Idempotency keys. One attempt is one intended action, such as placing an order. All requests of an attempt use the same
 * key until the outcome is known, so a retry after a broken connection cannot repeat the action.
 */
import { isDefinite } from "./problem";

/** 128 random bits as hex. `crypto.randomUUID` exists in secure contexts (TLS or localhost) only. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface Attempt {
  /** Calls `send` with the key of this attempt. A different `body` is a different action and gets a new key. */
  run<Answer>(body: unknown, send: (key: string) => Promise<Answer>): Promise<Answer>;
}

export function newAttempt(): Attempt {
  let open: { key: string; body: string } | null = null;
  return {
    async run(body, send) {
      const print = JSON.stringify(body) ?? "";
      if (open?.body !== print) open = { key: newKey(), body: print };
      const mine = open;
      try {
        const answer = await send(mine.key);
        if (open === mine) open = null;
        return answer;
      } catch (error) {
        if (open === mine && isDefinite(error)) open = null;
        throw error;
      }
    },
  };
}
