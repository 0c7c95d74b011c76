"""The rules of payments: the legal state changes, the meaning of Stripe's objects, and the account of each charge.

The functions are pure. Stripe's objects have only those fields here that decide something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from serai.chassis.errors import Problem
from serai.commerce.currency import CURRENCIES

State = TypeVar("State", bound=StrEnum)

#: Stripe refuses a session that expires sooner than this after Stripe has executed the request.
STRIPE_MIN_LIFE = timedelta(minutes=30)
#: Added to the minimum for network latency and clock differences.
LIFE_MARGIN = timedelta(seconds=20)
#: Confirmations that one intent may have. More of them would allow to test stolen cards.
MAX_CONFIRMS = 20


class IllegalMove(Problem):
    """A state change that the tables of this module do not allow. It is a bug of this service or of Stripe."""

    code = "illegal_payment_move"


class PaymentState(StrEnum):
    OPEN = "open"
    #: No new attempt is allowed, but an earlier attempt may still be paid at Stripe.
    CLOSING = "closing"
    CLOSED = "closed"
    SUCCEEDED = "succeeded"


class AttemptState(StrEnum):
    #: The request is stored; it is not known whether Stripe has executed it.
    OPENING = "opening"
    OPEN = "open"
    #: The buyer must authenticate the payment with 3-D Secure.
    ACTION = "action"
    PROCESSING = "processing"
    #: Stripe's object contradicts the stored attempt; a person must decide.
    PARKED = "parked"
    #: The attempt can never be paid.
    ENDED = "ended"
    SUCCEEDED = "succeeded"


class RefundState(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


#: `closed → succeeded` is not expected. It is legal because Stripe decides what was paid; it raises an alert.
PAYMENT_MOVES: Mapping[PaymentState, frozenset[PaymentState]] = {
    PaymentState.OPEN: frozenset({PaymentState.CLOSING, PaymentState.SUCCEEDED}),
    PaymentState.CLOSING: frozenset({PaymentState.CLOSED, PaymentState.SUCCEEDED}),
    PaymentState.CLOSED: frozenset({PaymentState.SUCCEEDED}),
    PaymentState.SUCCEEDED: frozenset(),
}

LIVE = frozenset({AttemptState.OPENING, AttemptState.OPEN, AttemptState.ACTION, AttemptState.PROCESSING})
_KNOWN = LIVE - {AttemptState.OPENING}
_OUTCOMES = frozenset({AttemptState.ENDED, AttemptState.SUCCEEDED, AttemptState.PARKED})

#: A declined intent may be confirmed again, so an attempt may change from each known live state to each other one.
ATTEMPT_MOVES: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPENING: _KNOWN | _OUTCOMES,
    AttemptState.OPEN: (_KNOWN | _OUTCOMES) - {AttemptState.OPEN},
    AttemptState.ACTION: (_KNOWN | _OUTCOMES) - {AttemptState.ACTION},
    AttemptState.PROCESSING: (_KNOWN | _OUTCOMES) - {AttemptState.PROCESSING},
    AttemptState.PARKED: frozenset({AttemptState.ENDED, AttemptState.SUCCEEDED}),
    AttemptState.ENDED: frozenset({AttemptState.SUCCEEDED, AttemptState.PARKED}),
    AttemptState.SUCCEEDED: frozenset(),
}

#: A refund that succeeded can still fail days later, when the buyer's bank returns the money.
REFUND_MOVES: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.CREATED: frozenset({RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.PENDING: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),
    RefundState.FAILED: frozenset(),
}


_OUTDATED: Mapping[RefundState, frozenset[RefundState]] = {
    RefundState.SUCCEEDED: frozenset({RefundState.PENDING}),
    RefundState.FAILED: frozenset({RefundState.PENDING, RefundState.SUCCEEDED}),
}


def require_move(moves: Mapping[State, frozenset[State]], current: State, to: State) -> None:
    """Raises `IllegalMove`."""
    if to not in moves[current]:
        raise IllegalMove(f"{current} cannot become {to}")


def advance_attempt(current: AttemptState, read: AttemptState) -> AttemptState:
    """The state of an attempt after `read` was read from Stripe. A live reading is outdated when the attempt already
    has an outcome, because Stripe never reopens an object. Raises `IllegalMove` for a contradiction."""
    if read == current or (current in _OUTCOMES and read in LIVE):
        return current
    require_move(ATTEMPT_MOVES, current, read)
    return read


def advance_refund(current: RefundState, read: RefundState) -> RefundState:
    """The state of a refund after `read` was read from Stripe. `pending` is outdated when the refund is decided, and
    `succeeded` is outdated when the refund has failed since. Raises `IllegalMove` for a contradiction."""
    if read == current or read in _OUTDATED.get(current, ()):
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
    """The state of one attempt according to Stripe."""

    state: AttemptState
    session_id: str | None = None
    intent_id: str | None = None
    url: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The values that a Stripe object must have before the attempt counts as paid; `amount` as Stripe counts it."""

    order_id: UUID
    amount: int
    currency: str


def read_session(session: Session, expected: Expected, intent: Intent | None = None) -> Reading:
    """`intent` decides about a session that is complete and not paid: a bank debit is in progress, or it has failed."""
    names = {"session_id": session.id, "intent_id": session.payment_intent}
    metadata = session.metadata or {}
    actual = (session.client_reference_id, metadata.get("order_id"), session.amount_total, session.currency)
    problem = _contradiction(
        actual, (str(expected.order_id), str(expected.order_id), expected.amount, expected.currency)
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
    actual = (intent.metadata.get("order_id"), intent.amount, intent.currency)
    problem = _contradiction(actual, (str(expected.order_id), expected.amount, expected.currency))
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


def _contradiction(actual: tuple[object, ...], expected: tuple[object, ...]) -> str | None:
    return None if actual == expected else f"Stripe has {actual}, expected {expected}"


@dataclass(frozen=True, slots=True)
class Account:
    """The running totals of one charge, in minor units of the payment's currency. All are 0 before the capture.

    A refund counts in exactly one of `refund_pending` (Stripe has not decided), `refunded` (it succeeded) and
    `refund_failed`. `disputed` counts every dispute that was opened, `dispute_won` and `dispute_lost` the closed ones.
    """

    captured: int = 0
    refund_pending: int = 0
    refunded: int = 0
    refund_failed: int = 0
    disputed: int = 0
    dispute_won: int = 0
    dispute_lost: int = 0

    @property
    def refundable(self) -> int:
        """Stripe has withdrawn what is disputed, so only the rest and what disputes gave back can be refunded."""
        withdrawn = self.disputed - self.dispute_won
        return max(self.captured - self.refund_pending - self.refunded - withdrawn, 0)

    @property
    def fully_refunded(self) -> bool:
        """Every refund of the captured amount has succeeded."""
        return 0 < self.captured == self.refunded

    def create_refund(self, amount: int) -> Account:
        """Raises `IllegalMove` when `amount` exceeds what can be refunded."""
        if not 0 < amount <= self.refundable:
            raise IllegalMove(f"a refund of {amount}, {self.refundable} of the charge can be refunded")
        return replace(self, refund_pending=self.refund_pending + amount)

    def move_refund(self, amount: int, before: RefundState, after: RefundState) -> Account:
        """The account after a refund of `amount` has changed its state. Raises `IllegalMove` when no such refund can
        be in this account."""
        totals = {name: getattr(self, name) for name in set(_TOTAL_OF_REFUND.values())}
        totals[_TOTAL_OF_REFUND[before]] -= amount
        totals[_TOTAL_OF_REFUND[after]] += amount
        moved = replace(self, **totals)
        if min(totals.values()) < 0 or moved.refund_pending + moved.refunded > self.captured:
            raise IllegalMove(f"a refund of {amount} from {before} to {after} in {self}")
        return moved


#: The total of an account that counts a refund in each state.
_TOTAL_OF_REFUND: Mapping[RefundState, str] = {
    RefundState.CREATED: "refund_pending",
    RefundState.PENDING: "refund_pending",
    RefundState.SUCCEEDED: "refunded",
    RefundState.FAILED: "refund_failed",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to get paid, by a Checkout Session or a PaymentIntent. It becomes a charge when it succeeds."""

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
    account: Account = Account()

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def settled(self) -> bool:
        return self.state in (AttemptState.ENDED, AttemptState.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Payment:
    """The payment of an order with the attempt that was paid, else with its newest attempt. It is never a tombstone.

    The buyer is a user, or a guest who is known by `email` only."""

    id: UUID
    order_id: UUID
    state: PaymentState
    user_id: UUID | None
    email: str
    amount: int
    currency: str
    payable_until: datetime
    paid_n: int | None
    created_at: datetime
    attempt: Attempt | None = field(default=None)

    @property
    def expected(self) -> Expected:
        at_stripe = CURRENCIES[self.currency].to_stripe(self.amount)
        return Expected(self.order_id, at_stripe, self.currency.lower())

    @property
    def account(self) -> Account:
        """The account of the order's charge; empty until the payment has succeeded."""
        paid = self.attempt is not None and self.attempt.n == self.paid_n
        return self.attempt.account if self.attempt is not None and paid else Account()


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


class Effect(StrEnum):
    """What the change of an attempt means for its payment."""

    OPENED = "opened"
    PAID = "paid"
    #: The payment has already succeeded by another attempt.
    PAID_TWICE = "paid_twice"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading changes in an attempt and its payment. It was decided for the states in `payment` and `attempt`,
    and must not be written once either row has another state."""

    payment: Payment
    attempt: Attempt
    reading: Reading
    effect: Effect | None

    @property
    def after(self) -> Attempt:
        return replace(
            self.attempt,
            state=self.reading.state,
            session_id=self.reading.session_id or self.attempt.session_id,
            intent_id=self.reading.intent_id or self.attempt.intent_id,
            url=self.reading.url,
            account=Account(captured=self.payment.amount) if self.captures else self.attempt.account,
        )

    @property
    def captures(self) -> bool:
        """Stripe has taken the amount by this attempt, be it the first charge of the payment or a duplicate."""
        return self.effect in (Effect.PAID, Effect.PAID_TWICE)

    @property
    def too_late(self) -> bool:
        """The attempt was paid although its payment was closed or the attempt had ended."""
        dead = self.payment.state is PaymentState.CLOSED or self.attempt.state is AttemptState.ENDED
        return self.effect is Effect.PAID and dead


def decide(payment: Payment, attempt: Attempt, reading: Reading) -> Change | None:
    """What `reading` changes; None when it is outdated. Raises `IllegalMove`."""
    state = advance_attempt(attempt.state, reading.state)
    return Change(payment, attempt, reading, _effect(payment, attempt, state)) if state is reading.state else None


def _effect(payment: Payment, attempt: Attempt, state: AttemptState) -> Effect | None:
    if state is attempt.state:
        return None
    if state is AttemptState.PARKED:
        return Effect.PARKED
    if state is AttemptState.SUCCEEDED:
        if payment.state is PaymentState.SUCCEEDED:
            return Effect.PAID_TWICE
        require_move(PAYMENT_MOVES, payment.state, PaymentState.SUCCEEDED)
        return Effect.PAID
    opened = attempt.state is AttemptState.OPENING and state in LIVE and payment.state is PaymentState.OPEN
    return Effect.OPENED if opened else None


def has_time(payable_until: datetime, now: datetime) -> bool:
    """Whether Stripe would still open a session that expires at `payable_until`."""
    return payable_until - now >= STRIPE_MIN_LIFE + LIFE_MARGIN
