"""The state that the Stripe sandbox's API, pages and timers share: the store, the clock, the faults and the webhook
endpoint."""

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

#: The events that an endpoint subscribes to by default: those that the shop acts on.
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

KEY_RETENTION_S = 24 * 60 * 60
EVENT_RETENTION_S = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The shop's webhook endpoint as registered with Stripe."""

    url: str | None
    secret: str
    events: tuple[str, ...] = DEFAULT_EVENTS


@dataclass(slots=True)
class StripeState:
    store: Store
    secret_key: str
    endpoint: Endpoint
    site: str = ""
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    keys_in_use: set[str] = field(default_factory=set)
    """Idempotency keys of requests in progress."""
    delivery_wanted: asyncio.Event = field(default_factory=asyncio.Event)
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
        """One request's transaction. After the commit, the dispatcher is woken to deliver the emitted events."""
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
            self.delivery_wanted.set()

    def run_due(self) -> None:
        """Apply what is due by now: expire sessions and settle pending refunds."""
        while due := self.store.due(self.clock()):
            with self.transact() as call:
                for record in due:
                    if record.kind == "checkout.session":
                        sessions.close(call, record)
                    else:
                        refunds.settle(call, record)

    def prune(self) -> None:
        """Delete what Stripe deletes by itself: idempotency keys after a day, events after a month."""
        self.prune_keys()
        with self.store.transaction():
            self.store.delete_events(self.clock() - EVENT_RETENTION_S)

    def prune_keys(self, older_than_s: float = KEY_RETENTION_S) -> int:
        with self.store.transaction():
            return self.store.delete_keys(self.clock() - older_than_s)

    def configure(self, endpoint: Endpoint, *, instead_of: str | None) -> None:
        """Change the webhook endpoint. The change survives restarts until the sandbox starts with a URL other than
        `instead_of`."""
        self.endpoint = endpoint
        with self.store.transaction():
            self.store.set_setting("endpoint", endpoint_document(endpoint) | {"instead_of": instead_of})
        self.delivery_wanted.set()


def endpoint_document(endpoint: Endpoint) -> Json:
    return {"url": endpoint.url, "secret": endpoint.secret, "enabled_events": list(endpoint.events)}
