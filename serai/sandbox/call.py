"""The context of an operation: its parameters, the store with an open transaction, the time, and a way to emit
events."""

from __future__ import annotations

import os
import string
from dataclasses import dataclass, field
from typing import Any

from serai.sandbox.errors import missing
from serai.sandbox.params import API_VERSION
from serai.sandbox.store import Json, Record, Store

#: Maps every byte to one of 62 characters. The first eight are slightly more frequent, which does not matter for ids.
_CHARACTERS = bytes((string.ascii_letters + string.digits).encode()[byte % 62] for byte in range(256))


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + os.urandom(length).translate(_CHARACTERS).decode()


@dataclass(slots=True)
class Call:
    store: Store
    now: float
    site: str
    """The origin of the sandbox's pages."""
    delivers: frozenset[str] = frozenset()
    """The event types the webhook endpoint is subscribed to (`*` for all)."""
    params: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    request_id: str | None = None
    idempotency_key: str | None = None
    emitted: int = 0

    @property
    def at(self) -> int:
        return int(self.now)

    def fetch(self, kind: str, identifier: str, *, param: str = "", status: int = 400) -> Record:
        """The object. Raises Stripe's `resource_missing`; `kind` is the object's name in its message."""
        record = self.store.get(kind, identifier)
        if record is None:
            raise missing(kind, identifier, param=param or kind, status=status)
        return record

    def emit(self, type_: str, subject: Json, previous: Json | None = None) -> None:
        """Append an event with the current state of `subject`, and queue its webhook, in this transaction."""
        data: Json = {"object": subject}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Json = {
            "id": new_id("evt_1"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.at,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type_,
        }
        subscribed = type_ in self.delivers or "*" in self.delivers
        event["pending_webhooks"] = int(subscribed)
        self.store.add(Record(event["id"], "event", self.at, event, {}, ref=type_))
        if subscribed:
            self.store.queue_delivery(event["id"], type_, self.now)
            self.emitted += 1
