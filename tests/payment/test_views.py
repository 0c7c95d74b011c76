"""What buyers, admins and order see of a payment, for every state it can be in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from serai.commerce.money import Money
from serai.contracts.payment import NextAction
from serai.payment import views
from serai.payment.domain import Attempt, AttemptState, Payment, PaymentState, Refund, RefundState

NOW = datetime(2026, 1, 31, tzinfo=UTC)
PAGE = "https://stripe.test/page"
ATTEMPT = Attempt(UUID(int=1), 1, "session", "k", "{}", AttemptState.OPEN, "cs_1", None, PAGE, NOW, 0)
PAYMENT = Payment(
    UUID(int=1),
    UUID(int=2),
    PaymentState.OPEN,
    UUID(int=3),
    5000,
    "USD",
    NOW + timedelta(minutes=45),
    None,
    0,
    0,
    NOW,
    ATTEMPT,
)


def payment(state: PaymentState, attempt: AttemptState | None, *, kind: str = "session", refunded: int = 0) -> Payment:
    newest = None if attempt is None else replace(ATTEMPT, state=attempt, kind=kind)
    return replace(PAYMENT, state=state, attempt=newest, refunded=refunded, refund_reserved=refunded)


@pytest.mark.parametrize(
    ("state", "attempt", "status"),
    [
        (PaymentState.OPEN, None, "requires_payment"),
        (PaymentState.OPEN, AttemptState.OPENING, "requires_payment"),
        (PaymentState.OPEN, AttemptState.OPEN, "requires_payment"),
        (PaymentState.OPEN, AttemptState.ENDED, "requires_payment"),
        (PaymentState.OPEN, AttemptState.ACTION, "requires_action"),
        (PaymentState.OPEN, AttemptState.PROCESSING, "processing"),
        (PaymentState.OPEN, AttemptState.PARKED, "processing"),
        (PaymentState.CLOSING, AttemptState.OPEN, "requires_payment"),
        (PaymentState.CLOSING, AttemptState.PROCESSING, "processing"),
        (PaymentState.CLOSED, AttemptState.ENDED, "closed"),
        (PaymentState.CLOSED, None, "closed"),
        (PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, "succeeded"),
        # Another attempt is parked, and the order is paid all the same.
        (PaymentState.SUCCEEDED, AttemptState.PARKED, "succeeded"),
    ],
)
def test_a_payment_stands_as_its_state_and_its_newest_attempt_say(
    state: PaymentState, attempt: AttemptState | None, status: str
) -> None:
    shown = payment(state, attempt)
    assert (views.public(shown).status, views.facts(shown).status) == (status, status)


@pytest.mark.parametrize(("refunded", "status"), [(0, "succeeded"), (4999, "succeeded"), (5000, "refunded")])
def test_a_payment_is_refunded_when_all_of_it_went_back(refunded: int, status: str) -> None:
    shown = payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, refunded=refunded)
    assert (views.public(shown).status, views.public(shown).refunded) == (status, Money(refunded, "USD"))
    assert (views.facts(shown).status, views.facts(shown).refunded) == (status, Money(refunded, "USD"))


@pytest.mark.parametrize("state", PaymentState)
@pytest.mark.parametrize("attempt", [None, *AttemptState])
@pytest.mark.parametrize("kind", ["session", "intent"])
def test_nobody_is_sent_to_a_page_that_takes_no_payment(
    state: PaymentState, attempt: AttemptState | None, kind: str
) -> None:
    shown = payment(state, attempt, kind=kind)
    live = (state, attempt, kind) == (PaymentState.OPEN, AttemptState.OPEN, "session")
    assert views.public(shown).checkout_url == (PAGE if live else None)
    assert views.facts(shown).checkout_url == (PAGE if live else None)


def test_a_buyer_who_must_prove_who_they_are_is_told_where() -> None:
    assert views.public(payment(PaymentState.OPEN, AttemptState.ACTION)).next_action == NextAction(PAGE)
    assert views.public(payment(PaymentState.OPEN, AttemptState.OPEN)).next_action is None
    without = replace(PAYMENT, attempt=replace(ATTEMPT, state=AttemptState.ACTION, url=None))
    assert views.public(without).next_action is None


def test_a_payment_ends_when_its_newest_attempt_does() -> None:
    assert views.public(PAYMENT).expires_at == views.facts(PAYMENT).expires_at == NOW
    nothing = payment(PaymentState.OPEN, None)
    assert views.public(nothing).expires_at is views.facts(nothing).expires_at is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RefundState.CREATED, "pending"),
        (RefundState.PENDING, "pending"),
        (RefundState.SUCCEEDED, "succeeded"),
        (RefundState.FAILED, "failed"),
    ],
)
def test_a_refund_is_pending_until_stripe_has_decided(state: RefundState, status: str) -> None:
    refund = Refund(UUID(int=4), UUID(int=1), 1, "pi_1", 1200, state, False, "scratched", None, None, 1, 1, NOW)
    shown = views.refund_facts(refund, "USD")
    assert (shown.id, shown.payment_id, shown.amount, shown.reason, shown.status, shown.created_at) == (
        UUID(int=4),
        UUID(int=1),
        Money(1200, "USD"),
        "scratched",
        status,
        NOW,
    )
