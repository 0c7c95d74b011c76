/**
 * Idempotency keys: one per try, where a try is what the person means to do once. It spans every request made for it
 * until an answer settles it; a connection that broke half-way is asked again under the same key, and finds what was done.
 */
import { isDefinite } from "./problem";

/** 128 random bits; `crypto.randomUUID` is missing where a page is not served over TLS or from localhost. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface Attempt {
  /** Sends `body` under this try's key. Another body is another intention and gets a key of its own. */
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
