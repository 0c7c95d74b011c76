"""The rules of payments: which states follow which, what an answer of Stripe's means, and how much may go back.

Pure: values in, values out. Stripe's objects appear here with just the fields that decide something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from serai.chassis.errors import Problem

State = TypeVar("State", bound=StrEnum)

#: Stripe refuses a session that would expire sooner, counted from the moment it carries the request out.
STRIPE_MIN_LIFE = timedelta(minutes=30)
#: What is added to it for the way to Stripe and for clocks that differ.
LIFE_MARGIN = timedelta(seconds=20)
#: Cards one order may try; whoever tries more is trying out cards.
MAX_CONFIRMS = 20


class IllegalMove(Problem):
    """A state was about to change in a way that the tables here do not know. Always our error, or Stripe's."""

    code = "illegal_payment_move"


class PaymentState(StrEnum):
    OPEN = "open"
    #: The tombstone stands, but Stripe has not confirmed yet that nothing can be paid any more.
    CLOSING = "closing"
    CLOSED = "closed"
    SUCCEEDED = "succeeded"


class AttemptState(StrEnum):
    #: The request is journaled; whether Stripe has carried it out is not known.
    OPENING = "opening"
    OPEN = "open"
    #: The buyer has to pass 3-D Secure.
    ACTION = "action"
    PROCESSING = "processing"
    #: Stripe's object contradicts our journal: a person has to look.
    PARKED = "parked"
    #: It can never be paid.
    ENDED = "ended"
    SUCCEEDED = "succeeded"


class RefundState(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


#: `closed → succeeded` should never be needed, but what Stripe says about money is the truth (and raises an alert).
PAYMENT_MOVES: Mapping[PaymentState, frozenset[PaymentState]] = {
    PaymentState.OPEN: frozenset({PaymentState.CLOSING, PaymentState.SUCCEEDED}),
    PaymentState.CLOSING: frozenset({PaymentState.CLOSED, PaymentState.SUCCEEDED}),
    PaymentState.CLOSED: frozenset({PaymentState.SUCCEEDED}),
    PaymentState.SUCCEEDED: frozenset(),
}

LIVE = frozenset({AttemptState.OPENING, AttemptState.OPEN, AttemptState.ACTION, AttemptState.PROCESSING})
_KNOWN = LIVE - {AttemptState.OPENING}
_OUTCOMES = frozenset({AttemptState.ENDED, AttemptState.SUCCEEDED, AttemptState.PARKED})

#: An intent may be declined and tried again, so between the known live states it goes both ways.
ATTEMPT_MOVES: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPENING: _KNOWN | _OUTCOMES,
    AttemptState.OPEN: (_KNOWN | _OUTCOMES) - {AttemptState.OPEN},
    AttemptState.ACTION: (_KNOWN | _OUTCOMES) - {AttemptState.ACTION},
    AttemptState.PROCESSING: (_KNOWN | _OUTCOMES) - {AttemptState.PROCESSING},
    AttemptState.PARKED: frozenset({AttemptState.ENDED, AttemptState.SUCCEEDED}),
    AttemptState.ENDED: frozenset({AttemptState.SUCCEEDED, AttemptState.PARKED}),
    AttemptState.SUCCEEDED: frozenset(),
}

#: A refund that succeeded can still fail days later, when the buyer's bank sends the money back.
REFUND_MOVES: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.CREATED: frozenset({RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.PENDING: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),
    RefundState.FAILED: frozenset(),
}


_LATE: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.SUCCEEDED: frozenset({RefundState.PENDING}),
    RefundState.FAILED: frozenset({RefundState.PENDING, RefundState.SUCCEEDED}),
}


def require_move(moves: Mapping[State, frozenset[State]], current: State, to: State) -> None:
    """Raises `IllegalMove`."""
    if to not in moves[current]:
        raise IllegalMove(f"{current} cannot become {to}")


def advance_attempt(current: AttemptState, read: AttemptState) -> AttemptState:
    """Where an attempt stands once `read` was read from Stripe. A live reading of an attempt that has its outcome is
    merely late: Stripe's objects never come back to life. Raises `IllegalMove` for a contradiction."""
    if read == current or (current in _OUTCOMES and read in LIVE):
        return current
    require_move(ATTEMPT_MOVES, current, read)
    return read


def advance_refund(current: RefundState, read: RefundState) -> RefundState:
    """The same for a refund: `pending` read of one that is decided, or `succeeded` of one that has failed since, is
    late."""
    if read == current or read in _LATE.get(current, ()):
        return current
    require_move(REFUND_MOVES, current, read)
    return read


@dataclass(frozen=True, slots=True)
class Session:
    """A Checkout Session at Stripe."""

    id: str
    status: str | None
    payment_status: str
    url: str | None
    payment_intent: str | None
    amount_total: int | None
    currency: str | None
    client_reference_id: str | None
    expires_at: int
    metadata: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class RedirectTo:
    url: str | None


@dataclass(frozen=True, slots=True)
class NextAction:
    redirect_to_url: RedirectTo | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent at Stripe."""

    id: str
    status: str
    amount: int
    amount_received: int
    currency: str
    metadata: dict[str, str]
    next_action: NextAction | None = None


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A Refund at Stripe."""

    id: str
    status: str | None
    amount: int
    payment_intent: str | None
    metadata: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What Stripe says about one attempt, in our words."""

    state: AttemptState
    session_id: str | None = None
    intent_id: str | None = None
    url: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an object of Stripe's must agree with before it counts as paid."""

    order_id: UUID
    amount: int
    currency: str


def read_session(session: Session, expected: Expected, intent: Intent | None = None) -> Reading:
    """`intent` matters for a session that is complete but not paid yet: a bank debit may still come, or has failed."""
    names = {"session_id": session.id, "intent_id": session.payment_intent}
    metadata = session.metadata or {}
    facts = (session.client_reference_id, metadata.get("order_id"), session.amount_total, session.currency)
    problem = _contradiction(
        facts, (str(expected.order_id), str(expected.order_id), expected.amount, expected.currency)
    )
    match session.status, session.payment_status:
        case ("complete", "paid"):
            state = AttemptState.SUCCEEDED
        case ("complete", "unpaid"):
            dead = intent is not None and intent.status in ("requires_payment_method", "canceled")
            state = AttemptState.ENDED if dead else AttemptState.PROCESSING
        case ("open", _):
            return Reading(AttemptState.OPEN, **names, url=session.url)
        case ("expired", "unpaid"):
            return Reading(AttemptState.ENDED, **names)
        case _:
            state, problem = AttemptState.PARKED, f"session is {session.status}, {session.payment_status}"
    if problem is not None:
        return Reading(AttemptState.PARKED, **names, problem=problem)
    return Reading(state, **names)


def read_intent(intent: Intent, expected: Expected) -> Reading:
    facts = (intent.metadata.get("order_id"), intent.amount, intent.currency)
    problem = _contradiction(facts, (str(expected.order_id), expected.amount, expected.currency))
    match intent.status:
        case "succeeded":
            if intent.amount_received != intent.amount:
                problem = f"received {intent.amount_received} of {intent.amount}"
            if problem is not None:
                return Reading(AttemptState.PARKED, intent_id=intent.id, problem=problem)
            return Reading(AttemptState.SUCCEEDED, intent_id=intent.id)
        case "requires_action":
            redirect = intent.next_action.redirect_to_url if intent.next_action else None
            return Reading(AttemptState.ACTION, intent_id=intent.id, url=redirect.url if redirect else None)
        case "processing":
            return Reading(AttemptState.PROCESSING, intent_id=intent.id)
        case "canceled":
            return Reading(AttemptState.ENDED, intent_id=intent.id)
        case "requires_payment_method" | "requires_confirmation":
            return Reading(AttemptState.OPEN, intent_id=intent.id)
    return Reading(AttemptState.PARKED, intent_id=intent.id, problem=f"intent is {intent.status}")


def read_refund(refund: StripeRefund) -> RefundState:
    match refund.status:
        case "succeeded":
            return RefundState.SUCCEEDED
        case "failed" | "canceled":
            return RefundState.FAILED
    return RefundState.PENDING


def _contradiction(said: tuple[object, ...], expected: tuple[object, ...]) -> str | None:
    return None if said == expected else f"Stripe says {said}, we expected {expected}"


@dataclass(frozen=True, slots=True)
class Attempt:
    payment_id: UUID
    n: int
    kind: str
    key: str
    request: str
    state: AttemptState
    session_id: str | None
    intent_id: str | None
    url: str | None
    expires_at: datetime
    confirms: int

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def settled(self) -> bool:
        return self.state in (AttemptState.ENDED, AttemptState.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment and its newest attempt. Never a bare tombstone: that one has no money and no owner."""

    id: UUID
    order_id: UUID
    state: PaymentState
    user_id: UUID
    amount: int
    currency: str
    payable_until: datetime
    paid_n: int | None
    refund_reserved: int
    refunded: int
    created_at: datetime
    attempt: Attempt | None = field(default=None)

    @property
    def expected(self) -> Expected:
        return Expected(self.order_id, self.amount, self.currency.lower())

    @property
    def refundable(self) -> int:
        return self.amount - self.refund_reserved if self.state is PaymentState.SUCCEEDED else 0


@dataclass(frozen=True, slots=True)
class Refund:
    id: UUID
    payment_id: UUID
    n: int
    intent_id: str
    amount: int
    state: RefundState
    duplicate: bool
    reason: str | None
    restock: bool | None
    stripe_id: str | None
    generation: int
    tries: int
    created_at: datetime


class Turn(StrEnum):
    """What a change means to others than the attempt itself."""

    OPENED = "opened"
    PAID = "paid"
    #: The payment had succeeded by another attempt.
    PAID_TWICE = "paid_twice"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading does to an attempt and its payment. Decided on the states they are in here, and void once one of
    them is in another."""

    payment: Payment
    attempt: Attempt
    reading: Reading
    turn: Turn | None

    @property
    def after(self) -> Attempt:
        return replace(
            self.attempt,
            state=self.reading.state,
            session_id=self.reading.session_id or self.attempt.session_id,
            intent_id=self.reading.intent_id or self.attempt.intent_id,
            url=self.reading.url,
        )

    @property
    def too_late(self) -> bool:
        """Paid after it could not be any more, for all we knew."""
        dead = self.payment.state is PaymentState.CLOSED or self.attempt.state is AttemptState.ENDED
        return self.turn is Turn.PAID and dead


def decide(payment: Payment, attempt: Attempt, reading: Reading) -> Change | None:
    """None for a reading that is merely late. Raises `IllegalMove`."""
    state = advance_attempt(attempt.state, reading.state)
    return Change(payment, attempt, reading, _turn(payment, attempt, state)) if state is reading.state else None


def _turn(payment: Payment, attempt: Attempt, state: AttemptState) -> Turn | None:
    if state is attempt.state:
        return None
    if state is AttemptState.PARKED:
        return Turn.PARKED
    if state is AttemptState.SUCCEEDED:
        if payment.state is PaymentState.SUCCEEDED:
            return Turn.PAID_TWICE
        require_move(PAYMENT_MOVES, payment.state, PaymentState.SUCCEEDED)
        return Turn.PAID
    opened = attempt.state is AttemptState.OPENING and state in LIVE and payment.state is PaymentState.OPEN
    return Turn.OPENED if opened else None


def has_time(payable_until: datetime, now: datetime) -> bool:
    """Whether Stripe would still open a session that expires when the order stops being payable."""
    return payable_until - now >= STRIPE_MIN_LIFE + LIFE_MARGIN


@dataclass(frozen=True, slots=True)
class Sums:
    """What refunds have taken of a charge: `reserved` counts all but the failed ones, `refunded` those confirmed."""

    amount: int
    reserved: int = 0
    refunded: int = 0

    def reserve(self, amount: int) -> Sums:
        """Raises `IllegalMove` when it is more than what is left."""
        return self._checked(self.reserved + amount, self.refunded)

    def moved(self, amount: int, before: RefundState, after: RefundState) -> Sums:
        """After one refund of `amount` went from `before` to `after`."""
        confirmed = (after is RefundState.SUCCEEDED) - (before is RefundState.SUCCEEDED)
        failed = (after is RefundState.FAILED) - (before is RefundState.FAILED)
        return self._checked(self.reserved - amount * failed, self.refunded + amount * confirmed)

    def _checked(self, reserved: int, refunded: int) -> Sums:
        if not 0 <= refunded <= reserved <= self.amount:
            raise IllegalMove(f"refunds of {reserved}, {refunded} confirmed, of a charge of {self.amount}")
        return Sums(self.amount, reserved, refunded)
