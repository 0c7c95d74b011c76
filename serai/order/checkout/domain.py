"""The rules of a checkout: the table of its legal moves, and what a fact from outside means in each state.

Pure: values in, values out. `now` is passed in, nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from serai.chassis.errors import Conflict
from serai.order.orders.domain import IllegalTransition, Status

#: Bumped when the meaning of a state or of the context changes, so that a newer worker knows an older saga.
DEFINITION_VERSION = 2


#: How long a buyer can pay, counted from the moment the payment is asked for.
PAYABLE_FOR = timedelta(minutes=45)


#: How long after that the saga closes the payment, if nobody has told it how it ended.
CLOSE_AFTER = timedelta(minutes=2)


class TotalChanged(Conflict):
    """Fact: `total`, what the order would cost now."""

    code, detail = "total_changed", "The total is no longer the one you saw."


class State(StrEnum):
    """Where a checkout stands: each names what is done and committed; the saga then does what comes next."""

    ACCEPTED = "accepted"
    CART_FROZEN = "cart_frozen"
    STOCK_HELD = "stock_held"
    PRICED = "priced"
    PAYMENT_OPENING = "payment_opening"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    STOCK_COMMITTED = "stock_committed"
    CART_CLEARED = "cart_cleared"
    DONE = "done"
    REJECTING = "rejecting"
    REJECTED = "rejected"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUND_ASKED = "refund_asked"
    RESTOCKING = "restocking"


_BEFORE_PAYMENT = frozenset(
    {State.ACCEPTED, State.CART_FROZEN, State.STOCK_HELD, State.PRICED, State.PAYMENT_OPENING, State.REJECTING}
)


_UNPAID = _BEFORE_PAYMENT | {State.AWAITING_PAYMENT, State.CANCELLING}


_ENDED_UNPAID = frozenset({State.REJECTED, State.CANCELLED})


#: Nothing to do until somebody says something, or (awaiting payment, refund asked) a timer goes off.
RESTING = frozenset({State.AWAITING_PAYMENT, State.DONE, State.REJECTED, State.CANCELLED, State.REFUND_ASKED})


#: The states a saga may go to by itself; facts from outside have their own functions below.
SAGA_MOVES: dict[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.CART_FROZEN, State.REJECTING, State.REJECTED}),
    State.CART_FROZEN: frozenset({State.STOCK_HELD, State.REJECTING}),
    State.STOCK_HELD: frozenset({State.PRICED, State.REJECTING}),
    State.PRICED: frozenset({State.PAYMENT_OPENING, State.PAID}),
    State.PAYMENT_OPENING: frozenset({State.AWAITING_PAYMENT, State.REJECTING, State.PAID}),
    State.AWAITING_PAYMENT: frozenset({State.CANCELLING, State.PAID}),
    State.REJECTING: frozenset({State.REJECTED, State.PAID}),
    State.CANCELLING: frozenset({State.CANCELLED, State.PAID}),
    State.PAID: frozenset({State.STOCK_COMMITTED, State.REFUNDING}),
    State.STOCK_COMMITTED: frozenset({State.CART_CLEARED, State.REFUNDING}),
    State.CART_CLEARED: frozenset({State.DONE, State.RESTOCKING, State.REFUNDING}),
    State.REFUNDING: frozenset({State.REFUND_ASKED, State.RESTOCKING}),
    State.REFUND_ASKED: frozenset({State.DONE, State.RESTOCKING}),
    State.RESTOCKING: frozenset({State.DONE}),
    State.DONE: frozenset({State.REFUNDING, State.RESTOCKING}),
    State.REJECTED: frozenset({State.REFUNDING}),
    State.CANCELLED: frozenset({State.REFUNDING}),
}


#: How long a step is tried before the saga gives up and undoes what it did. After `paid` it never gives up.
GIVE_UP_AFTER: dict[State, timedelta] = {
    State.ACCEPTED: timedelta(seconds=60),
    State.CART_FROZEN: timedelta(seconds=60),
    State.PAYMENT_OPENING: timedelta(minutes=5),
}


#: How long any other step may take before somebody should look.
ALERT_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Context:
    """What the saga must remember between its steps."""

    user_id: UUID
    #: The client's idempotency key, to be let go when the order is refused.
    key: str
    email: str = ""
    #: The guest cart's cookie, until the cart is frozen.
    guest: str | None = None
    shipping_method: str | None = None
    country: str | None = None
    expected_total: int | None = None
    lines: tuple[tuple[UUID, int], ...] = ()
    hold_id: str = ""
    #: The order's number, from when it is priced.
    number: str | None = None
    #: What is asked of payment, from then on: word for word the same whenever it is asked again.
    payment: dict[str, Any] | None = None
    payable_until: datetime | None = None
    failure: dict[str, Any] | None = None
    #: The money, or the units, go back once the saga has nothing else to do.
    refund: bool = False
    restock: bool = False
    refund_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Saga:
    """One checkout as read under its version and epoch; what is saved must still find both."""

    order_id: UUID
    state: State
    version: int
    epoch: int
    attempts: int
    since: datetime
    context: Context

    def to(self, state: State, **changes: Any) -> Saga:
        """The saga in its next state. Raises `IllegalTransition` for a move the table does not know."""
        if state not in SAGA_MOVES[self.state]:
            raise IllegalTransition(f"A checkout that is {self.state} cannot become {state}.")
        return replace(self, state=state, attempts=0, context=replace(self.context, **changes))


class OnPaid(StrEnum):
    """What a successful payment means for a checkout."""

    IGNORE = "ignore"
    PAY = "pay"
    REFUND = "refund"


def on_paid(state: State) -> OnPaid:
    """Payment wins every race against a cancellation that has not ended; one that has is refunded."""
    if state in _UNPAID:
        return OnPaid.PAY
    return OnPaid.REFUND if state in _ENDED_UNPAID else OnPaid.IGNORE


def statuses_to_paid(state: State) -> tuple[Status, ...]:
    """The statuses an order goes through when its payment succeeded while its checkout was in `state`; nothing is
    skipped in its history."""
    return ("awaiting_payment", "paid") if state in _BEFORE_PAYMENT else ("paid",)


class OnCancel(StrEnum):
    REJECT = "reject"
    CLOSE = "close"
    REFUND = "refund"
    ALREADY = "already"


def on_cancel(status: str, state: State, *, refunds: bool) -> OnCancel:
    """What a request to cancel means. What is unpaid can be cancelled; with `refunds` also what is paid and
    has not shipped. Raises `IllegalTransition`."""
    if status in ("cancelled", "rejected", "refunding", "refunded") or state in (State.CANCELLING, State.REJECTING):
        return OnCancel.ALREADY
    if status == "pending":
        return OnCancel.REJECT
    if status == "awaiting_payment":
        return OnCancel.CLOSE
    if status == "paid" and refunds:
        return OnCancel.REFUND
    raise IllegalTransition(f"An order that is {status} cannot be cancelled.", current=status, to="cancelled")


def gives_up(saga: Saga, now: datetime) -> bool:
    """Whether a step has been tried for long enough; only before `paid`."""
    limit = GIVE_UP_AFTER.get(saga.state)
    return limit is not None and now - saga.since > limit


def retry_pause_s(attempts: int) -> float:
    """Seconds before a step is tried again, without jitter."""
    return min(0.25 * 2.0 ** min(attempts, 10), 30.0)


def restocks(*, shipped: bool, asked: bool | None) -> bool:
    """Units of a fully refunded order return to stock unless they have shipped; an admin may say otherwise."""
    return asked if asked is not None else not shipped


def after_clearing(context: Context) -> State:
    """What comes once the units are sold and the cart is cleared: what was asked for meanwhile, else nothing."""
    if context.refund:
        return State.REFUNDING
    return State.RESTOCKING if context.restock else State.DONE


def on_refunded(saga: Saga, *, restock: bool) -> Saga:
    """All of the charge went back. A saga that still has work does that first."""
    context = replace(saga.context, restock=restock, refund=False)
    if saga.state in (State.DONE, State.REFUNDING, State.REFUND_ASKED):
        return replace(saga, state=State.RESTOCKING if restock else State.DONE, context=context, attempts=0)
    return replace(saga, context=context)


def cancelled(saga: Saga, verdict: OnCancel) -> Saga:
    """The saga on its way back. A refund waits until the units are sold and the cart is cleared."""
    context = saga.context
    if verdict is OnCancel.REJECT:
        failure = {"code": "cancelled_by_buyer", "status": 409, "detail": "The order was cancelled.", "items": []}
        return replace(saga, state=State.REJECTING, context=replace(context, failure=failure))
    if verdict is OnCancel.CLOSE:
        return replace(saga, state=State.CANCELLING)
    state = State.REFUNDING if saga.state is State.DONE else saga.state
    return replace(saga, state=state, context=replace(context, refund=state is not State.REFUNDING))


def require_cancelled(status: str) -> None:
    """After a cancellation of something unpaid ended. Raises `IllegalTransition` when payment won the race."""
    if status not in ("cancelled", "rejected"):
        raise IllegalTransition("The order was paid meanwhile.", current=status, to="cancelled")
