/**
 * The errors of API calls. A `Refusal` is a problem document from the API; `Unreachable` means that no answer arrived.
 * After a refusal with a 4xx status nothing has changed on the server. After any other error the outcome is unknown.
 */
import { texts } from "@/texts/problems";
import type { ProblemDocument } from "./schemas";

/** A problem document. `facts` holds all its members, among them those that only some codes have (`available`, `order_id`, …). */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: ReadonlyMap<string, string>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | null;

  constructor(document: Partial<ProblemDocument>, status: number, retryAfter: string | null = null) {
    super(document.detail ?? texts.notPossibleText);
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

/** No answer arrived: the browser is offline, the connection broke or the server is down. The outcome is unknown. */
export class Unreachable extends Error {
  constructor(cause?: unknown) {
    super(texts.unreachable, { cause });
    this.name = "Unreachable";
  }
}

/** Codes of 4xx answers that leave the outcome open, because the first attempt may still be running. */
const UNDECIDED = new Set(["idempotency_in_progress"]);

/** Whether the outcome is known: a retry is then a new request, with a new idempotency key. */
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

/** The error as shown to a person: what happened, and what to do about it. */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof Unreachable) {
    return {
      title: navigator.onLine ? texts.unreachable : texts.offline,
      text: texts.checkConnection,
    };
  }
  if (!(error instanceof Refusal)) {
    return { title: texts.unexpected, text: texts.reload };
  }
  if (error.status === 429) {
    return { title: texts.tooManyRequests, text: texts.waitBeforeRetry(duration(error.retryAfterSeconds)) };
  }
  if (error.status >= 500) {
    return {
      title: texts.serverError,
      text: error.requestId ? texts.tryLaterWithReference(error.requestId) : texts.tryLater,
    };
  }
  if (error.status === 401) {
    return { title: texts.signInRequired, text: texts.signInToContinue };
  }
  return { title: texts.titles[error.code] ?? texts.notPossible, text: error.message };
}

function duration(seconds: number | null): string {
  if (seconds === null) return texts.aMoment;
  return seconds < 60 ? texts.seconds(seconds) : texts.minutes(Math.ceil(seconds / 60));
}

/**
 * The field errors of a refusal, by the form's field names. `prefix` is the part of the request body that the form fills
 * (`shipping_address`), so `shipping_address.city` becomes `city`. Null when the refusal names no field of the form.
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
