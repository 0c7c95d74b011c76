/** The typed HTTP clients for the gateway, and `answer`, which turns a response into a value or an error. */
import { session } from "@/session/current";
import createClient from "openapi-fetch";
import { Refusal, Unreachable } from "./problem";
import type { Paths, ProblemDocument } from "./schemas";

const baseUrl = location.origin;

/** Sends the access token of the current session, if there is one. */
export const api = createClient<Paths>({ baseUrl, fetch: session.fetch });

/**
 * Sends no access token. Used for catalog reads, because only anonymous answers may be cached, and for signing in and
 * registering, where there is no session yet.
 */
export const openApi = createClient<Paths>({ baseUrl });

interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of a call. Throws `Refusal` or `Unreachable`; an aborted call throws its `AbortError`. */
export async function answer<Data>(call: Promise<Outcome<Data>>): Promise<Data> {
  let outcome: Outcome<Data>;
  try {
    outcome = await call;
  } catch (cause) {
    // A body that is not JSON, such as a proxy's error page, also ends up here.
    throw cause instanceof DOMException && cause.name === "AbortError" ? cause : new Unreachable(cause);
  }
  const { response } = outcome;
  if (response.ok) return outcome.data as Data;
  const document = typeof outcome.error === "object" && outcome.error !== null ? outcome.error : {};
  throw new Refusal(document as Partial<ProblemDocument>, response.status, response.headers.get("retry-after"));
}
