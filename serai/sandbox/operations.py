"""Maps requests to operations. Operations have the names of the SDK's methods; faults refer to these names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from serai.sandbox import intents, reads, refunds, sessions
from serai.sandbox.call import Call
from serai.sandbox.store import Json


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    path: re.Pattern[str]
    run: Callable[[Call], Json]


def _operation(name: str, method: str, path: str, run: Callable[[Call], Json]) -> Operation:
    return Operation(name, method, re.compile("/v1" + path.replace("{id}", r"(?P<id>[A-Za-z0-9_]{1,255})")), run)


_SESSIONS, _INTENTS = "/checkout/sessions", "/payment_intents"

OPERATIONS = (
    _operation("checkout.sessions.create", "POST", _SESSIONS, sessions.create),
    _operation(
        "checkout.sessions.list",
        "GET",
        _SESSIONS,
        reads.list_of("checkout.session", "/v1/checkout/sessions", "payment_intent", "status"),
    ),
    _operation("checkout.sessions.retrieve", "GET", _SESSIONS + "/{id}", reads.retrieve("checkout.session", "session")),
    _operation("checkout.sessions.expire", "POST", _SESSIONS + "/{id}/expire", sessions.expire),
    _operation("checkout.sessions.line_items", "GET", _SESSIONS + "/{id}/line_items", reads.line_items),
    _operation("payment_intents.create", "POST", _INTENTS, intents.create),
    _operation("payment_intents.list", "GET", _INTENTS, reads.list_of("payment_intent", "/v1/payment_intents")),
    _operation("payment_intents.retrieve", "GET", _INTENTS + "/{id}", reads.retrieve("payment_intent", "intent")),
    _operation("payment_intents.confirm", "POST", _INTENTS + "/{id}/confirm", intents.confirm),
    _operation("payment_intents.cancel", "POST", _INTENTS + "/{id}/cancel", intents.cancel),
    _operation(
        "payment_methods.retrieve", "GET", "/payment_methods/{id}", reads.retrieve("payment_method", "payment_method")
    ),
    _operation("refunds.create", "POST", "/refunds", refunds.create),
    _operation("refunds.list", "GET", "/refunds", reads.list_of("refund", "/v1/refunds", "payment_intent", "charge")),
    _operation("refunds.retrieve", "GET", "/refunds/{id}", reads.retrieve("refund", "refund")),
    _operation("charges.list", "GET", "/charges", reads.list_of("charge", "/v1/charges", "payment_intent")),
    _operation("charges.retrieve", "GET", "/charges/{id}", reads.retrieve("charge", "charge")),
    _operation("events.list", "GET", "/events", reads.list_of("event", "/v1/events", "type", "types")),
    _operation("events.retrieve", "GET", "/events/{id}", reads.retrieve("event", "event")),
    _operation("balance.retrieve", "GET", "/balance", reads.balance),
)

#: The targets of faults: every operation, the buttons of the pages, the webhooks, or everything.
HOSTED_PAY, CHALLENGE, WEBHOOK, EVERYTHING = "hosted.pay", "hosted.challenge", "webhook", "*"
TARGETS = frozenset([*(operation.name for operation in OPERATIONS), HOSTED_PAY, CHALLENGE, WEBHOOK, EVERYTHING])


def match(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    for operation in OPERATIONS:
        if operation.method == method and (found := operation.path.fullmatch(path)):
            return operation, found.groupdict()
    return None
