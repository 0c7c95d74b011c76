"""The rules of a checkout: its legal moves, and what a payment, refund or cancellation means in each state.

Pure: `now` is passed in, nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from serai.chassis.errors import Conflict, Invalid
from serai.commerce.currency import CURRENCIES
from serai.commerce.money import Money
from serai.commerce.priced import Priced
from serai.order.orders.domain import IllegalTransition, Status

#: Raised when a state or the context changes its meaning. Code leaves sagas of a higher version alone. Version 2 pays
#: an order with nothing due without asking payment.
DEFINITION_VERSION = 2


#: How long a buyer can pay, from the moment the payment is opened.
PAYABLE_FOR = timedelta(minutes=45)


#: How long after that the saga closes the payment, unless it has heard of an outcome.
CLOSE_AFTER = timedelta(minutes=2)


class TotalChanged(Conflict):
    """Fact: `total`, the current total."""

    code, detail = "total_changed", "The total has changed since you last saw it."


class TotalNotPayable(Invalid):
    """Facts: `total`, and `minimum` and `maximum`, between which a payment must be."""

    code, detail = "total_not_payable", "Orders of this amount cannot be paid."


def require_payable(priced: Priced) -> None:
    """Raises `TotalNotPayable` if Stripe could not charge what is due. An order with nothing due needs no payment."""
    currency = CURRENCIES[priced.currency]
    if priced.amount_due and not currency.can_charge(priced.amount_due):
        raise TotalNotPayable(
            f"Orders in {currency.code} can be paid from {currency.text(currency.minimum)} to "
            f"{currency.text(currency.maximum)}.",
            total=Money(priced.total, currency.code),
            minimum=Money(currency.minimum, currency.code),
            maximum=Money(currency.maximum, currency.code),
        )


class State(StrEnum):
    """The state of a checkout: the last thing that is done and committed."""

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


#: States in which the saga waits for an event, or (awaiting payment) for a timer.
RESTING = frozenset({State.AWAITING_PAYMENT, State.DONE, State.REJECTED, State.CANCELLED, State.REFUND_ASKED})


#: The transitions that the saga makes by itself. Payments, refunds and cancellations have their own functions below.
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


#: How long a step is retried before the saga gives up and undoes what it did. After `paid` it never gives up.
GIVE_UP_AFTER: dict[State, timedelta] = {
    State.ACCEPTED: timedelta(seconds=60),
    State.CART_FROZEN: timedelta(seconds=60),
    State.PAYMENT_OPENING: timedelta(minutes=5),
}


#: How long any other step is retried before an alert is raised.
ALERT_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Context:
    """What the saga keeps between its steps. Stored as JSON and merged on save: fields of newer code survive."""

    user_id: UUID
    #: The client's idempotency key, unbound when the order is rejected.
    key: str
    email: str = ""
    #: The guest cart's cookie value, until the cart is frozen.
    guest: str | None = None
    shipping_method: str | None = None
    country: str | None = None
    expected_total: int | None = None
    lines: tuple[tuple[UUID, int], ...] = ()
    hold_id: str = ""
    #: The order's number, once it is priced.
    number: str | None = None
    #: The request that opens the payment, once it is priced; sent again unchanged. None where nothing is due.
    payment: dict[str, Any] | None = None
    payable_until: datetime | None = None
    failure: dict[str, Any] | None = None
    #: Refund, or restock, once the stock is committed and the cart cleared.
    refund: bool = False
    restock: bool = False
    refund_reason: str | None = None
    #: The trace of the request that placed the order.
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Saga:
    """A checkout as read. A write succeeds only if `version` and `epoch` are still the same."""

    order_id: UUID
    state: State
    version: int
    epoch: int
    attempts: int
    since: datetime
    context: Context

    def to(self, state: State, **changes: Any) -> Saga:
        """The saga in its next state. Raises `IllegalTransition` for a move that is not in the table."""
        if state not in SAGA_MOVES[self.state]:
            raise IllegalTransition(f"A checkout that is {self.state} cannot become {state}.")
        return replace(self, state=state, attempts=0, context=replace(self.context, **changes))


class OnPaid(StrEnum):
    """What to do about a payment that succeeded."""

    IGNORE = "ignore"
    PAY = "pay"
    REFUND = "refund"


def on_paid(state: State) -> OnPaid:
    """A payment wins over a cancellation that has not finished. A payment of an order that has ended is refunded."""
    if state in _UNPAID:
        return OnPaid.PAY
    return OnPaid.REFUND if state in _ENDED_UNPAID else OnPaid.IGNORE


def statuses_to_paid(state: State) -> tuple[Status, ...]:
    """The statuses that an order passes through when its payment succeeds while its checkout is in `state`. The history
    skips none."""
    return ("awaiting_payment", "paid") if state in _BEFORE_PAYMENT else ("paid",)


class OnCancel(StrEnum):
    REJECT = "reject"
    CLOSE = "close"
    REFUND = "refund"
    ALREADY = "already"


def on_cancel(status: str, state: State, *, refunds: bool) -> OnCancel:
    """What a request to cancel means. An unpaid order can be cancelled; with `refunds` also a paid one that has not
    shipped. Raises `IllegalTransition`."""
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
    """Whether a step has been retried for long enough; never after `paid`."""
    limit = GIVE_UP_AFTER.get(saga.state)
    return limit is not None and now - saga.since > limit


def retry_pause_s(attempts: int) -> float:
    """Seconds before the next attempt at a step, without jitter."""
    return min(0.25 * 2.0 ** min(attempts, 10), 30.0)


def restocks(*, shipped: bool, requested: bool | None) -> bool:
    """Whether the units of a fully refunded order return to stock: not if they have shipped, unless an admin decided
    otherwise (`asked`)."""
    return requested if requested is not None else not shipped


def after_clearing(context: Context) -> State:
    """The state after the cart is cleared: a refund or restock that was requested meanwhile comes next."""
    if context.refund:
        return State.REFUNDING
    return State.RESTOCKING if context.restock else State.DONE


def on_refunded(saga: Saga, *, restock: bool) -> Saga:
    """The saga after a full refund. If its stock is not committed yet, it does that first."""
    context = replace(saga.context, restock=restock, refund=False)
    if saga.state in (State.DONE, State.REFUNDING, State.REFUND_ASKED):
        return replace(saga, state=State.RESTOCKING if restock else State.DONE, context=context, attempts=0)
    return replace(saga, context=context)


def cancelled(saga: Saga, verdict: OnCancel) -> Saga:
    """The saga after a cancellation. A refund waits until the stock is committed and the cart cleared."""
    context = saga.context
    if verdict is OnCancel.REJECT:
        failure = {"code": "cancelled_by_buyer", "status": 409, "detail": "The order was cancelled.", "items": []}
        return replace(saga, state=State.REJECTING, context=replace(context, failure=failure))
    if verdict is OnCancel.CLOSE:
        return replace(saga, state=State.CANCELLING)
    state = State.REFUNDING if saga.state is State.DONE else saga.state
    return replace(saga, state=state, context=replace(context, refund=state is not State.REFUNDING))


def require_cancelled(status: str) -> None:
    """Check the outcome of cancelling an unpaid order. Raises `IllegalTransition` if it was paid first."""
    if status not in ("cancelled", "rejected"):
        raise IllegalTransition("The order was paid before it could be cancelled.", current=status, to="cancelled")
