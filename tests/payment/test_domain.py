"""The tables of legal moves and the sums of refunds, for every order of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from serai.payment.domain import (
    ATTEMPT_MOVES,
    LIVE,
    PAYMENT_MOVES,
    REFUND_MOVES,
    Attempt,
    AttemptState,
    Expected,
    IllegalMove,
    Intent,
    NextAction,
    Payment,
    PaymentState,
    Reading,
    RedirectTo,
    RefundState,
    Session,
    StripeRefund,
    Sums,
    Turn,
    advance_attempt,
    advance_refund,
    decide,
    has_time,
    read_intent,
    read_refund,
    read_session,
    require_move,
)

ORDER = uuid4()
EXPECTED = Expected(ORDER, 5000, "usd")


@given(st.lists(st.sampled_from(AttemptState), max_size=12))
def test_an_attempt_that_was_paid_stays_paid_whatever_is_read_afterwards(readings: list[AttemptState]) -> None:
    state = AttemptState.OPENING
    was_paid = False
    for reading in readings:
        try:
            state = advance_attempt(state, reading)
        except IllegalMove:
            continue
        was_paid = was_paid or state is AttemptState.SUCCEEDED
        assert (state is AttemptState.SUCCEEDED) == was_paid


@given(st.permutations([AttemptState.OPEN, AttemptState.ACTION, AttemptState.PROCESSING, AttemptState.SUCCEEDED]))
def test_readings_in_any_order_come_to_the_same_end(readings: list[AttemptState]) -> None:
    state = AttemptState.OPENING
    for reading in readings:
        state = advance_attempt(state, reading)
    assert state is AttemptState.SUCCEEDED


def payment_in(state: PaymentState, attempt: AttemptState) -> tuple[Payment, Attempt]:
    now = datetime.now(UTC)
    tried = Attempt(ORDER, 1, "session", "cs:1", "{}", attempt, "cs_1", None, None, now, 0)
    return Payment(ORDER, ORDER, state, ORDER, 5000, "USD", now, None, 0, 0, now, tried), tried


@pytest.mark.parametrize("payment_state", PaymentState)
@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("read", [state for state in AttemptState if state is not AttemptState.OPENING])
def test_a_reading_is_late_refused_or_changes_what_the_tables_allow(
    payment_state: PaymentState, state: AttemptState, read: AttemptState
) -> None:
    payment, attempt = payment_in(payment_state, state)
    try:
        change = decide(payment, attempt, Reading(read))
    except IllegalMove:
        assert not attempt.live
        return
    if change is None:
        assert not attempt.live
        return
    assert change.after.state is read
    assert (change.turn is Turn.PAID) == (
        AttemptState.SUCCEEDED is read is not state and payment_state is not PaymentState.SUCCEEDED
    )
    assert change.turn is not Turn.OPENED or (state, payment_state) == (AttemptState.OPENING, PaymentState.OPEN)


def test_a_refused_move_names_both_states() -> None:
    with pytest.raises(IllegalMove, match=r"^closed cannot become open$"):
        require_move(PAYMENT_MOVES, PaymentState.CLOSED, PaymentState.OPEN)
    with pytest.raises(IllegalMove, match=r"^open cannot become opening$"):
        advance_attempt(AttemptState.OPEN, AttemptState.OPENING)


def turn(payment: PaymentState, attempt: AttemptState, read: AttemptState) -> Turn | None:
    change = decide(*payment_in(payment, attempt), Reading(read))
    assert change is not None
    return change.turn


@pytest.mark.parametrize(
    ("payment", "attempt", "read", "expected"),
    [
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.OPEN, Turn.OPENED),
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.PROCESSING, Turn.OPENED),
        (PaymentState.CLOSING, AttemptState.OPENING, AttemptState.OPEN, None),
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.ENDED, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.ACTION, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.OPEN, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.PARKED, Turn.PARKED),
        (PaymentState.OPEN, AttemptState.PARKED, AttemptState.PARKED, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.SUCCEEDED, Turn.PAID),
        (PaymentState.CLOSED, AttemptState.ENDED, AttemptState.SUCCEEDED, Turn.PAID),
        (PaymentState.SUCCEEDED, AttemptState.OPEN, AttemptState.SUCCEEDED, Turn.PAID_TWICE),
        (PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, AttemptState.SUCCEEDED, None),
    ],
)
def test_what_a_reading_means_to_others(
    payment: PaymentState, attempt: AttemptState, read: AttemptState, expected: Turn | None
) -> None:
    assert turn(payment, attempt, read) is expected


@pytest.mark.parametrize("outcome", [AttemptState.ENDED, AttemptState.SUCCEEDED, AttemptState.PARKED])
@pytest.mark.parametrize("late", LIVE)
def test_a_reading_of_an_attempt_that_has_its_outcome_changes_nothing(
    outcome: AttemptState, late: AttemptState
) -> None:
    assert decide(*payment_in(PaymentState.OPEN, outcome), Reading(late)) is None


def test_a_change_is_of_the_payment_and_the_attempt_it_was_decided_on() -> None:
    payment, attempt = payment_in(PaymentState.OPEN, AttemptState.OPEN)
    reading = Reading(AttemptState.SUCCEEDED, intent_id="pi_1")
    change = decide(payment, attempt, reading)
    assert change is not None
    assert (change.payment, change.attempt, change.reading) == (payment, attempt, reading)
    assert change.after == replace(attempt, state=AttemptState.SUCCEEDED, intent_id="pi_1")


def test_money_that_came_after_the_end_is_too_late() -> None:
    def paid(payment: PaymentState, attempt: AttemptState) -> bool:
        change = decide(*payment_in(payment, attempt), Reading(AttemptState.SUCCEEDED))
        assert change is not None
        return change.too_late

    assert paid(PaymentState.CLOSED, AttemptState.OPEN)
    assert paid(PaymentState.OPEN, AttemptState.ENDED)
    assert not paid(PaymentState.CLOSING, AttemptState.OPEN)
    assert not paid(PaymentState.SUCCEEDED, AttemptState.ENDED)


def test_a_session_is_opened_while_stripe_would_still_let_it_live() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    shortest = timedelta(minutes=30, seconds=20)
    assert has_time(now + shortest, now)
    assert not has_time(now + shortest - timedelta(microseconds=1), now)


def test_an_ended_attempt_never_comes_back_to_life() -> None:
    for reading in LIVE:
        assert advance_attempt(AttemptState.ENDED, reading) is AttemptState.ENDED


def test_nothing_leaves_a_success_and_only_a_success_leaves_closed() -> None:
    assert not PAYMENT_MOVES[PaymentState.SUCCEEDED]
    assert not ATTEMPT_MOVES[AttemptState.SUCCEEDED]
    assert not REFUND_MOVES[RefundState.FAILED]
    assert PAYMENT_MOVES[PaymentState.CLOSED] == {PaymentState.SUCCEEDED}


def session(**more: object) -> Session:
    fields: dict[str, object] = {
        "id": "cs_1",
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "payment_intent": "pi_1",
        "amount_total": 5000,
        "currency": "usd",
        "client_reference_id": str(ORDER),
        "expires_at": 0,
        "metadata": {"order_id": str(ORDER)},
    }
    return Session(**(fields | more))  # type: ignore[arg-type]  # a test's shorthand


def intent(status: str, **more: object) -> Intent:
    fields: dict[str, object] = {
        "id": "pi_1",
        "status": status,
        "amount": 5000,
        "amount_received": 5000 if status == "succeeded" else 0,
        "currency": "usd",
        "metadata": {"order_id": str(ORDER)},
    }
    return Intent(**(fields | more))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_total": 4999},
        {"currency": "eur"},
        {"client_reference_id": str(uuid4())},
        {"metadata": {"order_id": str(uuid4())}},
        {"metadata": None},
        {"payment_status": "no_payment_required"},
        {"status": None},
    ],
)
def test_a_session_that_differs_in_anything_is_not_paid(wrong: dict[str, object]) -> None:
    assert read_session(session(), EXPECTED).state is AttemptState.SUCCEEDED
    reading = read_session(session(**wrong), EXPECTED)
    assert reading.state is AttemptState.PARKED
    assert reading.problem


@pytest.mark.parametrize(
    "wrong", [{"amount": 4999}, {"amount_received": 4999}, {"currency": "eur"}, {"metadata": {}}, {"status": "new"}]
)
def test_an_intent_that_differs_in_anything_is_not_paid(wrong: dict[str, object]) -> None:
    assert read_intent(intent("succeeded"), EXPECTED).state is AttemptState.SUCCEEDED
    assert read_intent(intent(**({"status": "succeeded"} | wrong)), EXPECTED).state is AttemptState.PARKED  # type: ignore[arg-type]


NAMED = {"session_id": "cs_1", "intent_id": "pi_1"}


@pytest.mark.parametrize(
    ("read", "reading"),
    [
        (session(), Reading(AttemptState.SUCCEEDED, **NAMED)),
        (session(payment_status="unpaid"), Reading(AttemptState.PROCESSING, **NAMED)),
        (
            session(status="open", payment_status="unpaid", url="https://pay.example/cs_1"),
            Reading(AttemptState.OPEN, **NAMED, url="https://pay.example/cs_1"),
        ),
        (session(status="expired", payment_status="unpaid"), Reading(AttemptState.ENDED, **NAMED)),
        (
            session(status="expired", payment_status="paid"),
            Reading(AttemptState.PARKED, **NAMED, problem="session is expired, paid"),
        ),
        (
            session(amount_total=1),
            Reading(
                AttemptState.PARKED,
                **NAMED,
                problem=f"Stripe says {(str(ORDER), str(ORDER), 1, 'usd')}, "
                f"we expected {(str(ORDER), str(ORDER), 5000, 'usd')}",
            ),
        ),
    ],
)
def test_what_each_session_means(read: Session, reading: Reading) -> None:
    assert read_session(read, EXPECTED) == reading


BANK = NextAction(RedirectTo("https://bank.example/3ds"))


@pytest.mark.parametrize(
    ("read", "reading"),
    [
        (intent("succeeded"), Reading(AttemptState.SUCCEEDED, intent_id="pi_1")),
        (intent("processing"), Reading(AttemptState.PROCESSING, intent_id="pi_1")),
        (intent("canceled"), Reading(AttemptState.ENDED, intent_id="pi_1")),
        (intent("requires_payment_method"), Reading(AttemptState.OPEN, intent_id="pi_1")),
        (intent("requires_confirmation"), Reading(AttemptState.OPEN, intent_id="pi_1")),
        (
            intent("requires_action", next_action=BANK),
            Reading(AttemptState.ACTION, intent_id="pi_1", url="https://bank.example/3ds"),
        ),
        (intent("requires_action", next_action=NextAction()), Reading(AttemptState.ACTION, intent_id="pi_1")),
        (intent("requires_action"), Reading(AttemptState.ACTION, intent_id="pi_1")),
        (intent("new"), Reading(AttemptState.PARKED, intent_id="pi_1", problem="intent is new")),
        (
            intent("succeeded", amount_received=4999),
            Reading(AttemptState.PARKED, intent_id="pi_1", problem="received 4999 of 5000"),
        ),
        (
            intent("succeeded", currency="eur"),
            Reading(
                AttemptState.PARKED,
                intent_id="pi_1",
                problem=f"Stripe says {(str(ORDER), 5000, 'eur')}, we expected {(str(ORDER), 5000, 'usd')}",
            ),
        ),
    ],
)
def test_what_each_intent_means(read: Intent, reading: Reading) -> None:
    assert read_intent(read, EXPECTED) == reading


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        (None, RefundState.PENDING),
    ],
)
def test_what_each_refund_means(status: str | None, expected: RefundState) -> None:
    assert read_refund(StripeRefund("re_1", status, 100, "pi_1", None)) is expected


def test_a_bank_debit_is_processing_until_the_bank_has_decided() -> None:
    waiting = session(payment_status="unpaid")
    assert read_session(waiting, EXPECTED, intent("processing")).state is AttemptState.PROCESSING
    assert read_session(waiting, EXPECTED, intent("requires_payment_method")).state is AttemptState.ENDED
    assert read_session(waiting, EXPECTED, intent("canceled")).state is AttemptState.ENDED


@pytest.mark.parametrize("at", RefundState)
@pytest.mark.parametrize("read", [RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED])
def test_a_refund_goes_on_fails_late_or_hears_old_news(at: RefundState, read: RefundState) -> None:
    order = [RefundState.CREATED, RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]
    assert advance_refund(at, read) is max(at, read, key=order.index)


def test_a_refund_is_never_created_anew() -> None:
    with pytest.raises(IllegalMove, match=r"^failed cannot become created$"):
        advance_refund(RefundState.FAILED, RefundState.CREATED)


def test_refunds_never_exceed_the_charge() -> None:
    with pytest.raises(IllegalMove, match=r"^refunds of 1001, 0 confirmed, of a charge of 1000$"):
        Sums(1000).reserve(1001)
    everything = Sums(1000).reserve(1000)
    assert everything == Sums(1000, 1000, 0)
    assert everything.moved(1000, RefundState.CREATED, RefundState.SUCCEEDED) == Sums(1000, 1000, 1000)
    assert everything.moved(1000, RefundState.CREATED, RefundState.FAILED) == Sums(1000, 0, 0)


class Refunds(RuleBasedStateMachine):
    """Any number of refunds of one charge, each told of in any order: the sums are always those of the states."""

    refunds = Bundle("refunds")

    def __init__(self) -> None:
        super().__init__()
        self.sums = Sums(1000)
        self.states: list[tuple[int, RefundState]] = []

    @rule(target=refunds, amount=st.integers(1, 700))
    def create(self, amount: int) -> int:
        left = self.sums.amount - self.sums.reserved
        if amount > left:
            with pytest.raises(IllegalMove):
                self.sums.reserve(amount)
            return -1
        self.sums = self.sums.reserve(amount)
        self.states.append((amount, RefundState.CREATED))
        return len(self.states) - 1

    @rule(at=refunds, reading=st.sampled_from([RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]))
    def hear(self, at: int, reading: RefundState) -> None:
        if at < 0:
            return
        amount, before = self.states[at]
        after = advance_refund(before, reading)
        self.sums = self.sums.moved(amount, before, after)
        self.states[at] = (amount, after)

    @invariant()
    def sums_are_those_of_the_states(self) -> None:
        assert self.sums.reserved == sum(a for a, state in self.states if state is not RefundState.FAILED)
        assert self.sums.refunded == sum(a for a, state in self.states if state is RefundState.SUCCEEDED)
        assert self.sums.reserved <= self.sums.amount


TestRefunds = Refunds.TestCase
