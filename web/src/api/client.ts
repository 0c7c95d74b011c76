/** The typed way to the gateway, and the one place where an answer becomes a value or an error. */
import { session } from "@/session/current";
import createClient from "openapi-fetch";
import { Refusal, Unreachable } from "./problem";
import type { Paths, ProblemDocument } from "./schemas";

const baseUrl = location.origin;

/** Speaks for whoever is signed in, and for the guest otherwise. */
export const api = createClient<Paths>({ baseUrl, fetch: session.fetch });

/**
 * Speaks for nobody. Catalogue reads go this way, since an answer to somebody may not be kept and one to anybody may;
 * so do sign-in and its kin, where there is nobody yet.
 */
export const openApi = createClient<Paths>({ baseUrl });

interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The value of a call, or a `Refusal` or `Unreachable` thrown. */
export async function answer<Data>(call: Promise<Outcome<Data>>): Promise<Data> {
  let outcome: Outcome<Data>;
  try {
    outcome = await call;
  } catch (cause) {
    // An answer that is no JSON (a proxy's error page) cannot be read either: nothing about it is known.
    throw cause instanceof DOMException && cause.name === "AbortError" ? cause : new Unreachable(cause);
  }
  const { response } = outcome;
  if (response.ok) return outcome.data as Data;
  const document = typeof outcome.error === "object" && outcome.error !== null ? outcome.error : {};
  throw new Refusal(document as Partial<ProblemDocument>, response.status, response.headers.get("retry-after"));
}
