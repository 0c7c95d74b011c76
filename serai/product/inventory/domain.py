"""The rules of holds, free of I/O: which end a hold may come to."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from serai.chassis.ids import is_id

HoldStatus = Literal["held", "committed", "released", "returned"]
HoldEnd = Literal["committed", "released", "returned"]
#: How a hold may end, by what it is now: the status it must have had for the step to have been done before.
DONE_BEFORE: dict[HoldEnd, frozenset[HoldStatus]] = {
    "committed": frozenset({"committed", "returned"}),
    "released": frozenset({"released"}),
    "returned": frozenset({"returned"}),
}
#: The status each step starts from.
STARTS_FROM: dict[HoldEnd, HoldStatus] = {"committed": "held", "released": "held", "returned": "committed"}


def order_of(hold_id: str) -> UUID | None:
    """The order a hold is for: holds are named after it, with a suffix when it is not the first."""
    head = hold_id.partition(":")[0]
    return UUID(head) if is_id(head) else None
