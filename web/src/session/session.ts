/**
 * The user's session: who is signed in, and the access token for requests.
 *
 * The access token is kept in this object only, not in storage and not in a cookie that scripts can read. The refresh
 * cookie, which scripts cannot read, survives a reload. Storage holds only a hint that such a cookie may exist, so that
 * a visitor who never signed in does not cause a refused request.
 *
 * An expired token is renewed once for all calls that wait for it. When the session itself has expired, the user is asked
 * to sign in again in a dialog over the current page; pending calls wait for that, and what was typed is kept.
 */
import type { SignedIn, User } from "@/api/schemas";

export type Phase = "restoring" | "anonymous" | "signed_in" | "expired";

export interface State {
  readonly phase: Phase;
  readonly user: User | null;
}

type Renewal = "renewed" | "ended" | "unreachable";
type Send = (request: Request) => Promise<Response>;
type Hints = Pick<Storage, "getItem" | "setItem" | "removeItem"> | null;

const HINT = "serai.signed-in";
/** A token that expires within this time is renewed before it is used, which saves a refused request. */
const MARGIN_MS = 15_000;

export class Session {
  #state: State = { phase: "anonymous", user: null };
  #token: string | null = null;
  #usableUntil = 0;
  #renewing: Promise<Renewal> | null = null;
  #restored: Promise<unknown> = Promise.resolve();
  #signedInAgain: ((signedIn: boolean) => void)[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #send: Send;
  readonly #storage: Hints;
  readonly #now: () => number;

  constructor(send: Send, storage: Hints, now: () => number = Date.now) {
    this.#send = send;
    this.#storage = storage;
    this.#now = now;
  }

  readonly state = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Restores the session of the refresh cookie, if the last visit left one. */
  restore(): void {
    if (this.#storage?.getItem(HINT) == null) return;
    this.#become({ phase: "restoring", user: null });
    this.#restored = this.#renew().then((outcome) => {
      if (outcome !== "renewed") this.#become({ phase: "anonymous", user: null });
    });
  }

  /** Follows a sign-in or sign-out in another tab. */
  follow(event: Pick<StorageEvent, "key" | "newValue">): void {
    if (event.key !== HINT) return;
    if (event.newValue === null) this.#forget();
    else if (this.#token === null) void this.#renew();
  }

  begin({ access_token, expires_in, user }: SignedIn): void {
    this.#token = access_token;
    this.#usableUntil = this.#now() + expires_in * 1000 - MARGIN_MS;
    this.#storage?.setItem(HINT, "yes");
    this.#become({ phase: "signed_in", user });
    this.#answerWaiting(true);
  }

  changed(user: User): void {
    if (this.#state.phase === "signed_in") this.#become({ phase: "signed_in", user });
  }

  /** Ends the session after a sign-out. */
  end(): void {
    this.#storage?.removeItem(HINT);
    this.#forget();
  }

  /** The user does not sign in again: waiting calls continue without a token. */
  giveUp(): void {
    if (this.#state.phase === "expired") this.#become({ phase: "anonymous", user: null });
    this.#answerWaiting(false);
  }

  /** `fetch` with a valid access token, which is renewed if necessary. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const who = this.#state.user;
    await this.#restored;
    if (this.#state.phase === "expired") await this.#waitForSignIn();
    if (this.#token !== null && this.#now() >= this.#usableUntil) await this.#renewOrAsk();
    if (this.#isOtherUser(who)) return unauthorized();
    const used = this.#token;
    const again = request.clone();
    const response = await this.#send(authorized(request, used));
    if (response.status !== 401 || used === null) return response;
    // Another call may have renewed the token while this one was pending.
    if (this.#token === used || this.#token === null) await this.#renewOrAsk();
    if (this.#isOtherUser(who)) return unauthorized();
    return this.#send(authorized(again, this.#token));
  };

  /** Whether another user has signed in since: a call must not be sent in the name of a different user. */
  #isOtherUser(who: User | null): boolean {
    return who !== null && this.#state.user !== null && this.#state.user.id !== who.id;
  }

  async #renewOrAsk(): Promise<void> {
    // A call that was pending when the session expired joins the calls that wait for the sign-in.
    const outcome = this.#state.phase === "expired" ? "ended" : await this.#renew();
    if (outcome === "unreachable") throw new TypeError("the session could not be renewed");
    if (outcome === "ended") await this.#waitForSignIn();
  }

  #renew(): Promise<Renewal> {
    this.#renewing ??= this.#askForToken().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #askForToken(): Promise<Renewal> {
    let response: Response;
    try {
      response = await this.#send(new Request(new URL("/api/auth/refresh", location.origin), { method: "POST" }));
    } catch {
      return "unreachable";
    }
    if (response.ok) {
      this.begin((await response.json()) as SignedIn);
      return "renewed";
    }
    if (response.status !== 401 && response.status !== 403) return "unreachable";
    const user = this.#state.user;
    this.#token = null;
    this.#storage?.removeItem(HINT);
    if (user !== null) this.#become({ phase: "expired", user });
    return "ended";
  }

  #waitForSignIn(): Promise<boolean> {
    if (this.#state.phase !== "expired") return Promise.resolve(this.#token !== null);
    return new Promise((resolve) => this.#signedInAgain.push(resolve));
  }

  #answerWaiting(signedIn: boolean): void {
    const waiting = this.#signedInAgain;
    this.#signedInAgain = [];
    for (const resolve of waiting) resolve(signedIn);
  }

  #forget(): void {
    this.#token = null;
    this.#become({ phase: "anonymous", user: null });
    this.#answerWaiting(false);
  }

  #become(state: State): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function unauthorized(): Response {
  return new Response(null, { status: 401 });
}

function authorized(request: Request, token: string | null): Request {
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}
