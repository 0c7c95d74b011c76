/**
 * What can go wrong with a call, in two kinds that callers treat differently: the shop refused (and nothing happened),
 * or nobody knows (no answer, or an answer that says no more than "not now").
 */
import type { ProblemDocument } from "./schemas";

/** The API answered with a problem document. `facts` are the members that the code adds (`available`, `order_id`, …). */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: ReadonlyMap<string, string>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | null;

  constructor(document: Partial<ProblemDocument>, status: number, retryAfter: string | null = null) {
    super(document.detail ?? "The shop could not do this.");
    this.name = "Refusal";
    this.status = document.status ?? status;
    this.code = document.code ?? "unknown";
    this.requestId = document.request_id ?? null;
    this.fields = new Map((document.errors ?? []).map(({ field, message }) => [field, message]));
    this.facts = document as Record<string, unknown>;
    const seconds = Number.parseInt(retryAfter ?? "", 10);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : null;
  }
}

/** No answer arrived: offline, a connection that broke, a server that is away. Whether anything happened is unknown. */
export class Unreachable extends Error {
  constructor(cause?: unknown) {
    super("The shop cannot be reached.", { cause });
    this.name = "Unreachable";
  }
}

/** Codes that say "ask again" rather than "no": the first attempt may still be running. */
const UNDECIDED = new Set(["idempotency_in_progress"]);

/** Whether the error settles the matter, so that another attempt is another matter. */
export function isDefinite(error: unknown): boolean {
  return error instanceof Refusal && error.status < 500 && error.status !== 429 && !UNDECIDED.has(error.code);
}

export function isRefusal(error: unknown, code?: string): error is Refusal {
  return error instanceof Refusal && (code === undefined || error.code === code);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Refusal && error.status === 404;
}

export interface ErrorDescription {
  title: string;
  text: string;
}

/** The error in words for a person: what happened, and what to do about it. */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof Unreachable) {
    return {
      title: navigator.onLine ? "The shop cannot be reached" : "You are offline",
      text: "Check your connection and try again. Nothing you entered is lost.",
    };
  }
  if (!(error instanceof Refusal)) {
    return { title: "Something went wrong", text: "Reload the page and try again." };
  }
  if (error.status === 429) {
    return { title: "A little slower, please", text: `Too many attempts. Try again in ${wait(error.retryAfterSeconds)}.` };
  }
  if (error.status >= 500) {
    const reference = error.requestId ? ` If it stays like this, tell us this number: ${error.requestId}` : "";
    return { title: "That did not work, and it is our fault", text: `Please try again in a moment.${reference}` };
  }
  if (error.status === 401) {
    return { title: "Please sign in", text: "This needs you to be signed in." };
  }
  return { title: TITLES[error.code] ?? "That is not possible", text: error.message };
}

const TITLES: Readonly<Record<string, string>> = {
  out_of_stock: "Not enough in stock",
  total_changed: "The total has changed",
  cart_empty: "Your cart is empty",
  checkout_in_progress: "You already have an order open",
  not_found: "Not found",
  precondition_failed: "Changed by somebody else",
  invalid: "Please check what you entered",
};

function wait(seconds: number | null): string {
  if (seconds === null) return "a moment";
  if (seconds < 60) return seconds === 1 ? "a second" : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? "a minute" : `${minutes} minutes`;
}

/**
 * The field errors of a refusal by the names a form uses: `prefix` is the part of the request body that the form fills
 * (`shipping_address`), so `shipping_address.city` becomes `city`. Null when the refusal is about no field of it.
 */
export function fieldErrors(error: unknown, prefix = ""): Record<string, string> | null {
  if (!(error instanceof Refusal)) return null;
  const found: Record<string, string> = {};
  for (const [field, message] of error.fields) {
    if (prefix === "") found[field] = sentence(message);
    else if (field.startsWith(`${prefix}.`)) found[field.slice(prefix.length + 1)] = sentence(message);
  }
  return Object.keys(found).length > 0 ? found : null;
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
