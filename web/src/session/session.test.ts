import type { SignedIn } from "@/api/schemas";
import { beforeEach, expect, test } from "vitest";
import { Session } from "./session";

const ADA: SignedIn["user"] = { id: "a", email: "ada@example.com", name: "Ada", role: "customer", permissions: [], email_verified: true, created_at: "" };
const signedIn = (token: string, expires_in = 600): SignedIn => ({ access_token: token, token_type: "Bearer", expires_in, user: ADA });
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

/** The shop's side: which tokens it accepts, what a refresh brings, and what it was asked. */
class Shop {
  accepts = new Set<string>();
  refresh: () => Response = () => json({}, 401);
  asked: string[] = [];
  bodies: string[] = [];
  readonly send = async (request: Request): Promise<Response> => {
    await Promise.resolve();
    const path = new URL(request.url).pathname;
    const token = request.headers.get("authorization")?.replace("Bearer ", "") ?? null;
    this.asked.push(path);
    if (path === "/api/auth/refresh") return this.refresh();
    if (request.method === "POST") this.bodies.push(await request.text());
    return token === null || this.accepts.has(token) ? json({ token }) : json({}, 401);
  };
  get refreshes() {
    return this.asked.filter((path) => path === "/api/auth/refresh").length;
  }
}

let shop: Shop;
let now: number;
let store: Map<string, string>;
let session: Session;
const get = (path = "/api/orders") => session.fetch(new Request(`http://shop.test${path}`));
const tokenOf = async (response: Response) => ((await response.json()) as { token: string | null }).token;

beforeEach(() => {
  shop = new Shop();
  now = 0;
  store = new Map();
  const storage = {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => void store.set(key, value),
    removeItem: (key: string) => void store.delete(key),
  };
  session = new Session(shop.send, storage, () => now);
});

test("sends no refresh request if the last visit left no session", async () => {
  session.restore();
  expect(await tokenOf(await get())).toBeNull();
  expect(shop.refreshes).toBe(0);
});

test("restores the session after a reload, and calls wait for it", async () => {
  store.set("serai.signed-in", "yes");
  shop.accepts.add("new");
  shop.refresh = () => json(signedIn("new"));
  session.restore();
  expect(session.state().phase).toBe("restoring");
  expect(await tokenOf(await get())).toBe("new");
  expect(session.state()).toEqual({ phase: "signed_in", user: ADA });
});

test("continues as a visitor when the session cannot be restored", async () => {
  store.set("serai.signed-in", "yes");
  session.restore();
  expect(await tokenOf(await get())).toBeNull();
  expect(session.state().phase).toBe("anonymous");
  expect(store.size).toBe(0);
});

test("keeps the token out of storage", () => {
  session.begin(signedIn("secret"));
  expect([...store.values()].join()).not.toContain("secret");
});

test("renews once for any number of calls that are refused at the same time", async () => {
  session.begin(signedIn("old"));
  shop.accepts.add("new");
  shop.refresh = () => json(signedIn("new"));
  const answers = await Promise.all(Array.from({ length: 20 }, () => get()));
  expect(await Promise.all(answers.map(tokenOf))).toEqual(Array.from({ length: 20 }, () => "new"));
  expect(shop.refreshes).toBe(1);
});

test("renews before a token runs out, so that nothing is refused", async () => {
  session.begin(signedIn("old", 60));
  shop.accepts.add("new");
  shop.refresh = () => json(signedIn("new"));
  now = 50_000;
  expect(await tokenOf(await get())).toBe("new");
  expect(shop.asked).toEqual(["/api/auth/refresh", "/api/orders"]);
});

test("does not renew again for a call that was refused for a token since replaced", async () => {
  session.begin(signedIn("old"));
  const late = get();
  session.begin(signedIn("new"));
  shop.accepts.add("new");
  expect(await tokenOf(await late)).toBe("new");
  expect(shop.refreshes).toBe(0);
});

test("keeps calls waiting, with their bodies, until the user signs in again", async () => {
  session.begin(signedIn("old"));
  const order = session.fetch(new Request("http://shop.test/api/orders", { method: "POST", body: "typed with care" }));
  const other = get("/api/cart");
  await expect.poll(() => session.state().phase).toBe("expired");
  expect(session.state().user).toEqual(ADA);
  shop.accepts.add("again");
  session.begin(signedIn("again"));
  expect(await tokenOf(await order)).toBe("again");
  expect(await tokenOf(await other)).toBe("again");
  expect(shop.bodies.at(-1)).toBe("typed with care");
  expect(shop.refreshes).toBe(1);
});

test("lets calls continue without a token if the user does not sign in again", async () => {
  session.begin(signedIn("old"));
  const call = get("/api/cart");
  await expect.poll(() => session.state().phase).toBe("expired");
  session.giveUp();
  expect(await tokenOf(await call)).toBeNull();
  expect(session.state()).toEqual({ phase: "anonymous", user: null });
});

test("does not send the calls of one user in the name of another who signs in instead", async () => {
  session.begin(signedIn("old"));
  const order = session.fetch(new Request("http://shop.test/api/orders", { method: "POST", body: "ada's" }));
  await expect.poll(() => session.state().phase).toBe("expired");
  const late = get();
  shop.accepts.add("grace");
  session.begin({ ...signedIn("grace"), user: { ...ADA, id: "g" } });
  expect((await order).status).toBe(401);
  expect((await late).status).toBe(401);
  expect(shop.bodies).toEqual(["ada's"]);
});

test("keeps the session while the API is unavailable", async () => {
  session.begin(signedIn("old"));
  shop.refresh = () => json({}, 503);
  await expect(get()).rejects.toThrow();
  expect(session.state().phase).toBe("signed_in");
});

test("follows another tab out and in", async () => {
  session.begin(signedIn("one"));
  session.follow({ key: "serai.signed-in", newValue: null });
  expect(session.state().phase).toBe("anonymous");
  shop.refresh = () => json(signedIn("two"));
  session.follow({ key: "serai.signed-in", newValue: "yes" });
  await expect.poll(() => session.state().phase).toBe("signed_in");
});
