"""The states of an order and the moves between them. Pure.

`status` is the public one, which everything else is shown by. Beside it stand three axes, each with its own moves:
whether the money came, whether the units left, whether they come back. They are written together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

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
PaymentStatus = Literal["unpaid", "processing", "paid", "partially_refunded", "refunded"]
FulfilmentStatus = Literal["unfulfilled", "partial", "fulfilled"]
ReturnStatus = Literal["none", "requested", "returned"]

T = TypeVar("T", bound=str)


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

PAYMENT_MOVES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    "unpaid": frozenset({"processing", "paid", "partially_refunded", "refunded"}),
    "processing": frozenset({"unpaid", "paid"}),
    "paid": frozenset({"partially_refunded", "refunded"}),
    "partially_refunded": frozenset({"refunded"}),
    "refunded": frozenset(),
}

FULFILMENT_MOVES: dict[FulfilmentStatus, frozenset[FulfilmentStatus]] = {
    "unfulfilled": frozenset({"partial", "fulfilled"}),
    "partial": frozenset({"fulfilled"}),
    "fulfilled": frozenset(),
}

RETURN_MOVES: dict[ReturnStatus, frozenset[ReturnStatus]] = {
    "none": frozenset({"requested"}),
    "requested": frozenset({"none", "returned"}),
    "returned": frozenset({"requested"}),
}


def require_move(status: Status, to: Status) -> None:
    """Raises `IllegalTransition` unless an order may go from `status` to `to`."""
    _require(ORDER_MOVES, status, to)


def payment_status_at(status: Status) -> PaymentStatus | None:
    """Where the money stands of an order that comes to `status`; None where that says nothing new."""
    return _PAYMENT_AT.get(status)


def payment_status_refunded(current: PaymentStatus, *, refunded: int, total: int) -> PaymentStatus:
    """Where the money stands when `refunded` of `total` (minor units) have gone back in all. Raises
    `IllegalTransition`."""
    to: PaymentStatus = "refunded" if refunded >= total else "partially_refunded"
    if to != current:
        _require(PAYMENT_MOVES, current, to)
    return to


def fulfilment_status_after(current: FulfilmentStatus, *, left: int) -> FulfilmentStatus:
    """After a shipment, `left` units having stayed. Raises `IllegalTransition`."""
    to: FulfilmentStatus = "partial" if left else "fulfilled"
    if to != current:
        _require(FULFILMENT_MOVES, current, to)
    return to


def statuses_on_refund(status: Status, *, full: bool, succeeded: bool) -> tuple[Status, ...]:
    """The statuses an order goes through when payment tells of a refund; a partial one leaves it where it is, and so
    does one of money that came after the order had ended."""
    if not full or status not in ("paid", "shipped", "delivered", "refunding"):
        return ()
    to_refunding: tuple[Status, ...] = () if status == "refunding" else ("refunding",)
    return (*to_refunding, "refunded") if succeeded else to_refunding


#: What a public status says about the money.
_PAYMENT_AT: Mapping[Status, PaymentStatus] = {"paid": "paid", "refunded": "refunded"}


def _require(moves: Mapping[T, frozenset[T]], current: T, to: T) -> None:
    if to not in moves[current]:
        raise IllegalTransition(f"An order that is {current} cannot become {to}.", current=current, to=to)
