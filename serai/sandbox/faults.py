"""Faults that tests inject into the Stripe sandbox. They are kept in memory only, because they are no state of Stripe.

`POST /_faults {"operation", "fault", "count"?, "delay_ms"?}`, where `operation` is a name from `operations.py`
(`refunds.create`, `hosted.pay`, `*` for every API operation), `webhook` or `webhook:<event type>`; `count` (default 1)
is how many requests it affects. Of several that match, the oldest is applied first.

| fault                  | effect                                                                               |
|------------------------|--------------------------------------------------------------------------------------|
| `execute_then_timeout` | executed and stored, no response; disconnects after `delay_ms` (120 s)               |
| `execute_then_500`     | executed, but a 500 is returned and stored under the key: every retry gets it        |
| `fail_500_before`      | a 500, nothing executed, nothing stored                                              |
| `409`, `429`           | lock timeout, rate limit: nothing executed, nothing stored                           |
| `delay`                | waits `delay_ms` before the execution, with the key in use                           |
| `duplicate`            | webhook: the event is sent twice                                                     |
| `reorder`              | webhook: held until a later event was delivered (at most `delay_ms`, 2 s)            |
| `drop`                 | webhook: never sent; the event list still has it                                     |
| `late`                 | webhook: sent `delay_ms` (30 s) later                                                |
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

from serai.sandbox.fault_list import BadFault, FaultList, fields_of
from serai.sandbox.operations import EVERYTHING, TARGETS, WEBHOOK

BEFORE = frozenset(["fail_500_before", "409", "429", "delay"])
AFTER = frozenset(["execute_then_timeout", "execute_then_500"])
DELIVERY = frozenset(["duplicate", "reorder", "drop", "late"])

DEFAULT_DELAY_MS = {"execute_then_timeout": 120_000, "delay": 1_000, "reorder": 2_000, "late": 30_000}
MAX_DELAY_MS = 3_600_000
MAX_COUNT = 1_000_000


@dataclass(slots=True)
class Fault:
    id: str
    operation: str
    fault: str
    count: int
    delay_ms: int
    hits: int = field(default=0)

    def public(self) -> dict[str, Any]:
        return asdict(self)


class Faults(FaultList[Fault]):
    def __init__(self) -> None:
        super().__init__(_parse)

    def take(self, operation: str, kinds: Collection[str]) -> Fault | None:
        """Use up one hit of the first matching fault."""
        targets = {operation, operation.partition(":")[0]}
        if WEBHOOK not in targets:
            targets.add(EVERYTHING)
        return self.take_first(lambda fault: fault.operation in targets and fault.fault in kinds)


def _parse(identifier: str, sent: Any) -> Fault:
    fields = fields_of(sent, {"operation", "fault", "count", "delay_ms"})
    operation, kind = fields.get("operation"), fields.get("fault")
    if not isinstance(operation, str) or operation.partition(":")[0] not in TARGETS:
        raise BadFault(f"operation must be one of {', '.join(sorted(TARGETS))}")
    allowed = DELIVERY if operation.startswith(WEBHOOK) else BEFORE | AFTER
    if kind not in allowed:
        raise BadFault(f"fault must be one of {', '.join(sorted(allowed))} for {operation}")
    delay = _bounded(fields, "delay_ms", DEFAULT_DELAY_MS.get(kind, 0), low=0, high=MAX_DELAY_MS)
    times = _bounded(fields, "count", 1, low=1, high=MAX_COUNT)
    return Fault(identifier, operation, kind, times, delay)


def _bounded(fields: dict[str, Any], name: str, default: int, *, low: int, high: int) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadFault(f"{name} must be a number between {low} and {high}")
    return value
