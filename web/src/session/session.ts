/**
 * Who is signed in, and the one way a request gets its access token.
 *
 * The token lives in this object and nowhere else: not in storage, not in a cookie that scripts can read. What outlasts
 * a reload is the refresh cookie, which scripts cannot see; storage holds only the fact that there may be one, so that
 * a visitor who never signed in causes no refused request.
 *
 * A token that ran out is renewed once for any number of calls that wait for it. When the session itself has ended, the
 * person is asked to sign in again over the page they are on, the calls go on waiting, and what they typed stays.
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
/** A token this close to its end is renewed before it is used: cheaper than being refused and asking twice. */
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

  /** Takes up the session that the refresh cookie stands for, if the last visit left one. */
  restore(): void {
    if (this.#storage?.getItem(HINT) == null) return;
    this.#become({ phase: "restoring", user: null });
    this.#restored = this.#renew().then((outcome) => {
      if (outcome !== "renewed") this.#become({ phase: "anonymous", user: null });
    });
  }

  /** Another tab signed in or out; this one follows. */
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

  /** The session is over by the person's own wish, here or in another tab. */
  end(): void {
    this.#storage?.removeItem(HINT);
    this.#forget();
  }

  /** Nobody signs in again: whoever waits goes on as a visitor. */
  giveUp(): void {
    if (this.#state.phase === "expired") this.#become({ phase: "anonymous", user: null });
    this.#answerWaiting(false);
  }

  /** `fetch`, with the access token and whatever it takes to have one. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const who = this.#state.user;
    await this.#restored;
    if (this.#state.phase === "expired") await this.#waitForSignIn();
    if (this.#token !== null && this.#now() >= this.#usableUntil) await this.#renewOrAsk();
    if (this.#isAnotherThan(who)) return notTheirs();
    const used = this.#token;
    const again = request.clone();
    const response = await this.#send(authorised(request, used));
    if (response.status !== 401 || used === null) return response;
    // Somebody else may have renewed it while this one was on its way.
    if (this.#token === used || this.#token === null) await this.#renewOrAsk();
    if (this.#isAnotherThan(who)) return notTheirs();
    return this.#send(authorised(again, this.#token));
  };

  /** What one person asked for is not done in the name of another who signed in meanwhile. */
  #isAnotherThan(who: User | null): boolean {
    return who !== null && this.#state.user !== null && this.#state.user.id !== who.id;
  }

  async #renewOrAsk(): Promise<void> {
    // A call that was under way when the session was found to have ended joins those that wait.
    const outcome = this.#state.phase === "expired" ? "ended" : await this.#renew();
    if (outcome === "unreachable") throw new TypeError("The session could not be renewed.");
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

function notTheirs(): Response {
  return new Response(null, { status: 401 });
}

function authorised(request: Request, token: string | null): Request {
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}
