"""What the API, the pages and the timers share: the store, the clock, the faults and whom to tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from serai.sandbox import refunds, sessions
from serai.sandbox.call import Call
from serai.sandbox.faults import Faults
from serai.sandbox.store import Json, Store

#: What an endpoint is subscribed to unless told otherwise; at Stripe too one picks, and picks what one acts on.
DEFAULT_EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
)

KEYS_LAST_S = 24 * 60 * 60
EVENTS_LAST_S = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The shop's webhook endpoint as Stripe knows it."""

    url: str | None
    secret: str
    events: tuple[str, ...] = DEFAULT_EVENTS


@dataclass(slots=True)
class Bank:
    store: Store
    secret_key: str
    endpoint: Endpoint
    site: str = ""
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    busy_keys: set[str] = field(default_factory=set)
    """Idempotency keys of requests that are being carried out at this moment."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be a webhook to send."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def transact(
        self,
        *,
        params: dict[str, Any] | None = None,
        path: dict[str, str] | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Iterator[Call]:
        """One request's transaction; what it emitted is on its way to the webhook as soon as it has committed."""
        call = Call(
            store=self.store,
            now=self.clock(),
            site=self.site,
            delivers=frozenset(self.endpoint.events) if self.endpoint.url else frozenset(),
            params=params or {},
            path=path or {},
            request_id=request_id,
            idempotency_key=idempotency_key,
        )
        with self.store.transaction():
            yield call
        if call.emitted:
            self.news.set()

    def let_time_pass(self) -> None:
        """Does what is due by now: sessions expire, undecided refunds are decided."""
        while due := self.store.due(self.clock()):
            with self.transact() as call:
                for record in due:
                    if record.kind == "checkout.session":
                        sessions.close(call, record)
                    else:
                        refunds.settle(call, record)

    def forget(self) -> None:
        """What Stripe forgets by itself: keys after a day, events after a month."""
        self.prune_keys()
        with self.store.transaction():
            self.store.forget_events(self.clock() - EVENTS_LAST_S)

    def prune_keys(self, older_than_s: float = KEYS_LAST_S) -> int:
        with self.store.transaction():
            return self.store.forget_keys(self.clock() - older_than_s)

    def configure(self, endpoint: Endpoint, *, instead_of: str | None) -> None:
        """Points the webhooks elsewhere, across restarts too, until one starts with another URL than `instead_of`."""
        self.endpoint = endpoint
        with self.store.transaction():
            self.store.set_setting("endpoint", described(endpoint) | {"instead_of": instead_of})
        self.news.set()


def described(endpoint: Endpoint) -> Json:
    return {"url": endpoint.url, "secret": endpoint.secret, "enabled_events": list(endpoint.events)}
