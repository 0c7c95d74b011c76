"""The legal state changes, the meaning of Stripe's objects, and the totals of a charge for every order of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    Account,
    Attempt,
    AttemptState,
    Effect,
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
    payment = Payment(ORDER, ORDER, state, ORDER, "ada@example.com", 5000, "USD", now, None, now, tried)
    return payment, tried


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
    assert (change.effect is Effect.PAID) == (
        AttemptState.SUCCEEDED is read is not state and payment_state is not PaymentState.SUCCEEDED
    )
    assert change.effect is not Effect.OPENED or (state, payment_state) == (AttemptState.OPENING, PaymentState.OPEN)


def test_a_refused_move_names_both_states() -> None:
    with pytest.raises(IllegalMove, match=r"^closed cannot become open$"):
        require_move(PAYMENT_MOVES, PaymentState.CLOSED, PaymentState.OPEN)
    with pytest.raises(IllegalMove, match=r"^open cannot become opening$"):
        advance_attempt(AttemptState.OPEN, AttemptState.OPENING)


def effect(payment: PaymentState, attempt: AttemptState, read: AttemptState) -> Effect | None:
    change = decide(*payment_in(payment, attempt), Reading(read))
    assert change is not None
    return change.effect


@pytest.mark.parametrize(
    ("payment", "attempt", "read", "expected"),
    [
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.OPEN, Effect.OPENED),
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.PROCESSING, Effect.OPENED),
        (PaymentState.CLOSING, AttemptState.OPENING, AttemptState.OPEN, None),
        (PaymentState.OPEN, AttemptState.OPENING, AttemptState.ENDED, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.ACTION, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.OPEN, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.PARKED, Effect.PARKED),
        (PaymentState.OPEN, AttemptState.PARKED, AttemptState.PARKED, None),
        (PaymentState.OPEN, AttemptState.OPEN, AttemptState.SUCCEEDED, Effect.PAID),
        (PaymentState.CLOSED, AttemptState.ENDED, AttemptState.SUCCEEDED, Effect.PAID),
        (PaymentState.SUCCEEDED, AttemptState.OPEN, AttemptState.SUCCEEDED, Effect.PAID_TWICE),
        (PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, AttemptState.SUCCEEDED, None),
    ],
)
def test_the_effect_of_a_reading_on_its_payment(
    payment: PaymentState, attempt: AttemptState, read: AttemptState, expected: Effect | None
) -> None:
    assert effect(payment, attempt, read) is expected


@pytest.mark.parametrize("outcome", [AttemptState.ENDED, AttemptState.SUCCEEDED, AttemptState.PARKED])
@pytest.mark.parametrize("late", sorted(LIVE))
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
    captured = Account(captured=payment.amount)
    assert change.after == replace(attempt, state=AttemptState.SUCCEEDED, intent_id="pi_1", account=captured)


def test_a_session_can_be_opened_while_stripes_minimum_and_a_margin_remain() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    shortest = timedelta(minutes=30, seconds=20)
    assert has_time(now + shortest, now)
    assert not has_time(now + shortest - timedelta(microseconds=1), now)


def test_an_ended_attempt_stays_ended() -> None:
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
                problem=f"Stripe has {(str(ORDER), str(ORDER), 1, 'usd')}, "
                f"expected {(str(ORDER), str(ORDER), 5000, 'usd')}",
            ),
        ),
    ],
)
def test_the_reading_of_each_session(read: Session, reading: Reading) -> None:
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
                problem=f"Stripe has {(str(ORDER), 5000, 'eur')}, expected {(str(ORDER), 5000, 'usd')}",
            ),
        ),
    ],
)
def test_the_reading_of_each_intent(read: Intent, reading: Reading) -> None:
    assert read_intent(read, EXPECTED) == reading


def test_a_bank_debit_is_processing_until_the_bank_has_decided() -> None:
    waiting = session(payment_status="unpaid")
    assert read_session(waiting, EXPECTED, intent("processing")).state is AttemptState.PROCESSING
    assert read_session(waiting, EXPECTED, intent("requires_payment_method")).state is AttemptState.ENDED
    assert read_session(waiting, EXPECTED, intent("canceled")).state is AttemptState.ENDED


@pytest.mark.parametrize("at", RefundState)
@pytest.mark.parametrize("read", [RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED])
def test_a_refund_advances_or_fails_and_ignores_an_outdated_reading(at: RefundState, read: RefundState) -> None:
    order = [RefundState.CREATED, RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]
    assert advance_refund(at, read) is max(at, read, key=order.index)


def test_a_refund_never_becomes_created_again() -> None:
    with pytest.raises(IllegalMove, match=r"^failed cannot become created$"):
        advance_refund(RefundState.FAILED, RefundState.CREATED)


def test_a_refund_never_exceeds_what_is_left_of_the_charge() -> None:
    with pytest.raises(IllegalMove, match=r"^a refund of 1001, 1000 of the charge can be refunded$"):
        Account(captured=1000).create_refund(1001)
    everything = Account(captured=1000).create_refund(1000)
    assert everything == Account(captured=1000, refund_pending=1000)
    succeeded = everything.move_refund(1000, RefundState.CREATED, RefundState.SUCCEEDED)
    assert succeeded == Account(captured=1000, refunded=1000)
    failed = everything.move_refund(1000, RefundState.CREATED, RefundState.FAILED)
    assert failed == Account(captured=1000, refund_failed=1000)
    with pytest.raises(IllegalMove, match=r"^a refund of 1 from created to succeeded in Account\(captured=1000, "):
        succeeded.move_refund(1, RefundState.CREATED, RefundState.SUCCEEDED)


class ChargeAccount(RuleBasedStateMachine):
    """Any number of refunds of one charge, with readings in any order: the totals are always those of the states."""

    refunds = Bundle("refunds")

    def __init__(self) -> None:
        super().__init__()
        self.account = Account(captured=1000)
        self.states: list[tuple[int, RefundState]] = []

    def total(self, *states: RefundState) -> int:
        return sum(amount for amount, state in self.states if state in states)

    @rule(target=refunds, amount=st.integers(0, 700))
    def create(self, amount: int) -> int:
        not_failed = self.total(RefundState.CREATED, RefundState.PENDING, RefundState.SUCCEEDED)
        if amount == 0 or amount > 1000 - not_failed:
            with pytest.raises(IllegalMove):
                self.account.create_refund(amount)
            return -1
        self.account = self.account.create_refund(amount)
        self.states.append((amount, RefundState.CREATED))
        return len(self.states) - 1

    @rule(at=refunds, reading=st.sampled_from([RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]))
    def read(self, at: int, reading: RefundState) -> None:
        if at < 0:
            return
        amount, before = self.states[at]
        after = advance_refund(before, reading)
        self.account = self.account.move_refund(amount, before, after)
        self.states[at] = (amount, after)

    @invariant()
    def totals_are_those_of_the_states(self) -> None:
        account = self.account
        assert account.refund_pending == self.total(RefundState.CREATED, RefundState.PENDING)
        assert account.refunded == self.total(RefundState.SUCCEEDED)
        assert account.refund_failed == self.total(RefundState.FAILED)
        assert account.refundable == 1000 - account.refund_pending - account.refunded
        assert account.fully_refunded == (account.refunded == 1000)
        assert (account.captured, account.disputed) == (1000, 0)


TestChargeAccount = ChargeAccount.TestCase
TestChargeAccount.settings = settings(max_examples=50)


@given(
    *(st.integers(0, 1000) for _ in range(4)),
    st.sampled_from(RefundState),
    st.sampled_from(RefundState),
    st.integers(1, 1000),
)
def test_an_account_never_holds_a_refund_that_cannot_be_in_it(
    captured: int, pending: int, refunded: int, failed: int, before: RefundState, after: RefundState, amount: int
) -> None:
    account = Account(captured, pending, refunded, failed)
    try:
        moved = account.move_refund(amount, before, after)
    except IllegalMove:
        return
    assert min(moved.refund_pending, moved.refunded, moved.refund_failed) >= 0
    assert moved.refund_pending + moved.refunded <= captured
    assert moved.refund_pending + moved.refunded + moved.refund_failed == pending + refunded + failed


def test_what_a_dispute_has_withdrawn_is_not_refunded_until_the_dispute_is_won() -> None:
    account = Account(captured=1000, refunded=300, disputed=500)
    assert account.refundable == 200
    assert replace(account, dispute_lost=500).refundable == 200
    assert replace(account, dispute_won=500).refundable == 700
    assert replace(account, disputed=900).refundable == 0


def test_an_order_that_was_never_charged_is_not_fully_refunded() -> None:
    assert not Account().fully_refunded


def test_the_account_of_a_payment_is_that_of_the_attempt_that_was_paid() -> None:
    payment, attempt = payment_in(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED)
    charged = replace(payment, paid_n=1, attempt=replace(attempt, account=Account(captured=5000)))
    assert charged.account.captured == 5000
    assert replace(charged, paid_n=2).account == Account()
    assert replace(charged, attempt=None).account == Account()


@pytest.mark.parametrize(
    ("payment_state", "state", "too_late"),
    [
        (PaymentState.OPEN, AttemptState.OPEN, False),
        (PaymentState.CLOSING, AttemptState.OPEN, False),
        (PaymentState.CLOSED, AttemptState.OPEN, True),
        (PaymentState.OPEN, AttemptState.ENDED, True),
        # A second charge is refunded whenever it comes.
        (PaymentState.SUCCEEDED, AttemptState.ENDED, False),
    ],
)
def test_a_payment_that_arrives_after_the_end_is_too_late(
    payment_state: PaymentState, state: AttemptState, too_late: bool
) -> None:
    change = decide(*payment_in(payment_state, state), Reading(AttemptState.SUCCEEDED))
    assert change is not None
    assert change.too_late is too_late


@pytest.mark.parametrize("payment_state", PaymentState)
def test_every_charge_captures_the_amount_and_nothing_else_does(payment_state: PaymentState) -> None:
    payment, attempt = payment_in(payment_state, AttemptState.OPEN)
    for state in AttemptState:
        if state is not AttemptState.OPENING:
            change = decide(payment, attempt, Reading(state))
            assert change is not None
            assert change.after.account.captured == (5000 if state is AttemptState.SUCCEEDED else 0)


@pytest.mark.parametrize("state", [state for state in AttemptState if state is not AttemptState.SUCCEEDED])
def test_an_attempt_is_settled_when_it_has_ended_or_succeeded(state: AttemptState) -> None:
    assert payment_in(PaymentState.OPEN, state)[1].settled is (state is AttemptState.ENDED)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        (None, RefundState.PENDING),
    ],
)
def test_the_state_of_a_refund_follows_its_status(status: str | None, state: RefundState) -> None:
    assert read_refund(StripeRefund("re_1", status, 100, "pi_1", None)) is state
