"""The tables of legal moves and the sums of refunds, for every order of events."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
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
    Payment,
    PaymentState,
    Reading,
    RefundState,
    Session,
    Sums,
    Turn,
    advance_attempt,
    advance_refund,
    decide,
    read_intent,
    read_session,
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


def test_a_bank_debit_is_processing_until_the_bank_has_decided() -> None:
    waiting = session(payment_status="unpaid")
    assert read_session(waiting, EXPECTED, intent("processing")).state is AttemptState.PROCESSING
    assert read_session(waiting, EXPECTED, intent("requires_payment_method")).state is AttemptState.ENDED


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
TestRefunds.settings = settings(max_examples=50)
