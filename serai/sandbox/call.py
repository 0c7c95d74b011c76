"""What every operation gets: the parameters, the store in its open transaction, the time, and a way to tell of it."""

from __future__ import annotations

import os
import string
from dataclasses import dataclass, field
from typing import Any

from serai.sandbox.errors import missing
from serai.sandbox.params import API_VERSION
from serai.sandbox.store import Json, Record, Store

#: Every byte as one of 62 characters. The first eight come up a little more often, which no id here minds.
_CHARACTERS = bytes((string.ascii_letters + string.digits).encode()[byte % 62] for byte in range(256))


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + os.urandom(length).translate(_CHARACTERS).decode()


@dataclass(slots=True)
class Call:
    store: Store
    now: float
    site: str
    """The origin under which people reach the sandbox's pages."""
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
        """The object, or Stripe's `resource_missing`. `kind` is what the message calls it."""
        record = self.store.get(kind, identifier)
        if record is None:
            raise missing(kind, identifier, param=param or kind, status=status)
        return record

    def emit(self, type_: str, subject: Json, previous: Json | None = None) -> None:
        """Appends an event that shows `subject` as it is now, and queues its webhook, all in this transaction."""
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
        wanted = type_ in self.delivers or "*" in self.delivers
        event["pending_webhooks"] = int(wanted)
        self.store.add(Record(event["id"], "event", self.at, event, {}, ref=type_))
        if wanted:
            self.store.queue_delivery(event["id"], type_, self.now)
            self.emitted += 1
