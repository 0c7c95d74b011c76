"""The sandbox's own knobs, on the Stripe port beside the API; they need no key and exist nowhere at the real Stripe.

- `GET /_ledger?after=&limit=`: every charge, refund and refund failure that ever happened, oldest first, as
  `{"items": [{"seq","type","id","payment_intent","amount","currency","metadata","at"}], "next_after"}`; `next_after` is
  null on the last page, `limit` 10000 at most and by default. Append-only, also in the file.
- `GET|POST|DELETE /_faults`, `DELETE /_faults/{id}`: see `faults.py`.
- `POST /_expire/{session}`: the session's time is over now, as if `expires_at` had come; answers the session.
- `GET|POST /_webhook`: where webhooks go: `{"url", "secret"?, "enabled_events"?}` (`["*"]` for all; url null: nowhere).
- `DELETE /_idempotency?older_than_s=86400`: Stripe's pruning of old keys, when a test wants it (also done hourly).
- `/livez`, `/readyz`.
"""

from __future__ import annotations

import json

from aiohttp import web

from serai.sandbox import sessions
from serai.sandbox.bank import Bank, Endpoint, described
from serai.sandbox.errors import BadParameter, Refused
from serai.sandbox.shared_routes import body, fault_routes, probe_routes, refusal

LEDGER_PAGE = 10_000
MAX_EVENTS = 200


class Control:
    def __init__(self, bank: Bank, started_with_url: str | None) -> None:
        self._bank = bank
        self._started_with_url = started_with_url

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_ledger", self.ledger),
            *fault_routes(self._bank.faults),
            web.post("/_expire/{session}", self.expire),
            web.get("/_webhook", self.webhook),
            web.post("/_webhook", self.set_webhook),
            web.delete("/_idempotency", self.prune_keys),
            *probe_routes(),
        ]

    async def ledger(self, request: web.Request) -> web.Response:
        after = _number(request, "after", 0, low=0, high=2**62)
        limit = _number(request, "limit", LEDGER_PAGE, low=1, high=LEDGER_PAGE)
        found = self._bank.store.raw_ledger(after=after, limit=limit + 1)
        items = ",".join(f'{{"seq":{seq},{entry[1:]}' for seq, entry in found[:limit])
        next_after = json.dumps(found[limit - 1][0] if len(found) > limit else None)
        text = f'{{"items":[{items}],"next_after":{next_after}}}'
        return web.Response(text=text, content_type="application/json")

    async def expire(self, request: web.Request) -> web.Response:
        with self._bank.transact() as call:
            try:
                session = sessions.find(call, request.match_info["session"])
            except Refused as problem:
                return web.json_response(problem.body(), status=404)
            if session.status != "open":
                return web.json_response(Refused(f"The session is {session.status}.").body(), status=409)
            session.body["expires_at"] = call.at
            sessions.close(call, session)
        return web.json_response(session.body)

    async def webhook(self, request: web.Request) -> web.Response:
        return web.json_response(described(self._bank.endpoint))

    async def set_webhook(self, request: web.Request) -> web.Response:
        asked = await body(request)
        current = self._bank.endpoint
        if not isinstance(asked, dict) or asked.keys() - {"url", "secret", "enabled_events"}:
            raise refusal("give url, secret and enabled_events, the last two if they change")
        url, secret = asked.get("url", current.url), asked.get("secret", current.secret)
        events = asked.get("enabled_events", list(current.events))
        if not (
            isinstance(events, list) and len(events) <= MAX_EVENTS and all(isinstance(name, str) for name in events)
        ):
            raise refusal("enabled_events is a list of event types")
        if not (isinstance(secret, str) and secret):
            raise refusal("secret is a string")
        if url is not None:
            try:
                sessions.check_url(str(url), "url")
            except BadParameter as problem:
                raise refusal(problem.message) from None
        self._bank.configure(Endpoint(url, secret, tuple(events)), instead_of=self._started_with_url)
        return web.json_response(described(self._bank.endpoint))

    async def prune_keys(self, request: web.Request) -> web.Response:
        older_than_s = _number(request, "older_than_s", 86_400, low=0, high=10**9)
        return web.json_response({"removed": self._bank.prune_keys(older_than_s)})


def _number(request: web.Request, name: str, default: int, *, low: int, high: int) -> int:
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isdecimal() or not low <= int(given) <= high:
        raise refusal(f"{name} is a number between {low} and {high}")
    return int(given)
