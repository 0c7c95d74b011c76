"""The states of an order and the moves between them. Pure."""

from __future__ import annotations

from typing import Literal

from serai.chassis.errors import Conflict

Status = Literal[
    "pending",
    "awaiting_payment",
    "paid",
    "shipped",
    "delivered",
    "rejected",
    "cancelled",
    "refunding",
    "refunded",
]


class IllegalTransition(Conflict):
    """Facts: `current`, where the order stands, and `to`."""

    code, detail = "illegal_transition", "The order's state does not allow this."


ORDER_MOVES: dict[Status, frozenset[Status]] = {
    "pending": frozenset({"awaiting_payment", "rejected"}),
    "awaiting_payment": frozenset({"paid", "cancelled"}),
    "paid": frozenset({"shipped", "refunding"}),
    "shipped": frozenset({"delivered", "refunding"}),
    "delivered": frozenset({"refunding"}),
    "refunding": frozenset({"refunded"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
    "refunded": frozenset(),
}


def require_move(status: Status, to: Status) -> None:
    """Raises `IllegalTransition` unless an order may go from `status` to `to`."""
    if to not in ORDER_MOVES[status]:
        raise IllegalTransition(f"An order that is {status} cannot become {to}.", current=status, to=to)


def statuses_on_refund(status: Status, *, full: bool, succeeded: bool) -> tuple[Status, ...]:
    """The statuses an order goes through when payment tells of a refund; a partial one leaves it where it is, and so
    does one of money that came after the order had ended."""
    if not full or status not in ("paid", "shipped", "delivered", "refunding"):
        return ()
    to_refunding: tuple[Status, ...] = () if status == "refunding" else ("refunding",)
    return (*to_refunding, "refunded") if succeeded else to_refunding
