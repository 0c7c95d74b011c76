"""The rules of holds, without I/O: their states and transitions."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from serai.chassis.ids import is_id

HoldStatus = Literal["held", "committed", "released", "returned"]
HoldEnd = Literal["committed", "released", "returned"]
#: The statuses in which a step has been done already, so that repeating it succeeds and changes nothing.
DONE_BEFORE: dict[HoldEnd, frozenset[HoldStatus]] = {
    "committed": frozenset({"committed", "returned"}),
    "released": frozenset({"released"}),
    "returned": frozenset({"returned"}),
}
#: The status from which each step starts.
STARTS_FROM: dict[HoldEnd, HoldStatus] = {"committed": "held", "released": "held", "returned": "committed"}


def order_of(hold_id: str) -> UUID | None:
    """The order of a hold. Its id is that of the order, with a suffix (`:2`) for further holds of the order."""
    head = hold_id.partition(":")[0]
    return UUID(head) if is_id(head) else None
