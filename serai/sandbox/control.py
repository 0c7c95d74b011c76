"""The sandbox's own endpoints for tests, on the Stripe port. They need no key. The real Stripe has none of them.

- `GET /_ledger?after=&limit=`: every charge, refund and refund failure, oldest first, as
  `{"items": [{"seq","type","id","payment_intent","amount","currency","metadata","at"}], "next_after"}`; `next_after` is
  null on the last page, `limit` 10000 at most and by default. Append-only, also in the file.
- `GET|POST|DELETE /_faults`, `DELETE /_faults/{id}`: see `faults.py`.
- `POST /_expire/{session}`: expire the session now, as if `expires_at` had passed; returns the session.
- `GET|POST /_webhook`: the webhook endpoint: `{"url", "secret"?, "enabled_events"?}` (`["*"]` for all; null url: none).
- `DELETE /_idempotency?older_than_s=86400`: delete old keys as Stripe does (this also runs hourly).
- `/livez`, `/readyz`.
"""

from __future__ import annotations

import json

from aiohttp import web

from serai.sandbox import sessions
from serai.sandbox.errors import BadParameter, Refused
from serai.sandbox.shared_routes import body, fault_routes, probe_routes, refusal
from serai.sandbox.stripe_state import Endpoint, StripeState, endpoint_document

LEDGER_PAGE = 10_000
MAX_EVENTS = 200


class Control:
    def __init__(self, state: StripeState, started_with_url: str | None) -> None:
        self._state = state
        self._started_with_url = started_with_url

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_ledger", self.ledger),
            *fault_routes(self._state.faults),
            web.post("/_expire/{session}", self.expire),
            web.get("/_webhook", self.webhook),
            web.post("/_webhook", self.set_webhook),
            web.delete("/_idempotency", self.prune_keys),
            *probe_routes(),
        ]

    async def ledger(self, request: web.Request) -> web.Response:
        after = _number(request, "after", 0, low=0, high=2**62)
        limit = _number(request, "limit", LEDGER_PAGE, low=1, high=LEDGER_PAGE)
        found = self._state.store.raw_ledger(after=after, limit=limit + 1)
        items = ",".join(f'{{"seq":{seq},{entry[1:]}' for seq, entry in found[:limit])
        next_after = json.dumps(found[limit - 1][0] if len(found) > limit else None)
        text = f'{{"items":[{items}],"next_after":{next_after}}}'
        return web.Response(text=text, content_type="application/json")

    async def expire(self, request: web.Request) -> web.Response:
        with self._state.transact() as call:
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
        return web.json_response(endpoint_document(self._state.endpoint))

    async def set_webhook(self, request: web.Request) -> web.Response:
        fields = await body(request)
        current = self._state.endpoint
        if not isinstance(fields, dict) or fields.keys() - {"url", "secret", "enabled_events"}:
            raise refusal("the fields are url, secret and enabled_events; the last two are optional")
        url, secret = fields.get("url", current.url), fields.get("secret", current.secret)
        events = fields.get("enabled_events", list(current.events))
        if not (
            isinstance(events, list) and len(events) <= MAX_EVENTS and all(isinstance(name, str) for name in events)
        ):
            raise refusal("enabled_events must be a list of event types")
        if not (isinstance(secret, str) and secret):
            raise refusal("secret must be a non-empty string")
        if url is not None:
            try:
                sessions.check_url(str(url), "url")
            except BadParameter as problem:
                raise refusal(problem.message) from None
        self._state.configure(Endpoint(url, secret, tuple(events)), instead_of=self._started_with_url)
        return web.json_response(endpoint_document(self._state.endpoint))

    async def prune_keys(self, request: web.Request) -> web.Response:
        older_than_s = _number(request, "older_than_s", 86_400, low=0, high=10**9)
        return web.json_response({"removed": self._state.prune_keys(older_than_s)})


def _number(request: web.Request, name: str, default: int, *, low: int, high: int) -> int:
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isdecimal() or not low <= int(given) <= high:
        raise refusal(f"{name} must be a number between {low} and {high}")
    return int(given)
