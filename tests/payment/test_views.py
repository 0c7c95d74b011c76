"""Payments and refunds as buyers, admins and other services see them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from serai.commerce.money import Money
from serai.contracts import payment as wire
from serai.payment import views
from serai.payment.domain import Account, Attempt, AttemptState, Payment, PaymentState, Refund, RefundState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=1)
PAGE = "https://pay.example/cs_1"


def payment(
    state: PaymentState = PaymentState.OPEN,
    attempt: AttemptState | None = AttemptState.OPEN,
    *,
    account: Account | None = None,
    kind: str = "session",
) -> Payment:
    """A payment of 50 USD; its attempt has succeeded where an account is given."""
    tried = None
    if attempt is not None:
        tried = Attempt(ID, 1, kind, "key", "{}", attempt, "cs_1", None, PAGE, NOW, 0, account or Account())
    paid_n = 1 if account else None
    return Payment(ID, ID, state, ID, "ada@example.com", 5000, "USD", NOW, paid_n, NOW, tried)


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (payment(), "requires_payment"),
        (payment(attempt=None), "requires_payment"),
        (payment(attempt=AttemptState.OPENING), "requires_payment"),
        (payment(attempt=AttemptState.ENDED), "requires_payment"),
        (payment(attempt=AttemptState.ACTION), "requires_action"),
        (payment(attempt=AttemptState.PROCESSING), "processing"),
        (payment(attempt=AttemptState.PARKED), "processing"),
        (payment(PaymentState.CLOSING, AttemptState.PROCESSING), "processing"),
        (payment(PaymentState.CLOSED, AttemptState.ENDED), "closed"),
        (payment(PaymentState.CLOSED, AttemptState.ACTION), "closed"),
        (payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, account=Account(5000)), "succeeded"),
        (payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, account=Account(5000, refunded=4999)), "succeeded"),
        (
            payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, account=Account(5000, refund_pending=5000)),
            "succeeded",
        ),
        (payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, account=Account(5000, refunded=5000)), "refunded"),
    ],
)
def test_the_status_says_what_is_needed_or_what_became_of_it(shown: Payment, status: str) -> None:
    assert views.public(shown).status == views.summary(shown).status == status


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        (payment(), PAGE),
        (payment(PaymentState.CLOSING), None),
        (payment(attempt=AttemptState.ENDED), None),
        (payment(attempt=AttemptState.ACTION), None),
        (payment(kind="intent"), None),
        (payment(attempt=None), None),
    ],
)
def test_the_page_is_shown_while_the_buyer_can_pay_on_it(shown: Payment, url: str | None) -> None:
    assert views.public(shown).checkout_url == views.summary(shown).checkout_url == url


def test_the_page_of_the_bank_is_shown_while_the_buyer_must_authenticate() -> None:
    shown = views.public(payment(attempt=AttemptState.ACTION, kind="intent"))
    assert shown.next_action == wire.NextAction(PAGE)
    assert "next_action" not in msgspec.to_builtins(views.public(payment()))


def test_a_payment_shows_its_amount_and_what_was_refunded() -> None:
    shown = payment(PaymentState.SUCCEEDED, AttemptState.SUCCEEDED, account=Account(5000, 700, 1200, 300))
    for view in (views.public(shown), views.summary(shown)):
        assert (view.amount, view.refunded) == (Money(5000, "USD"), Money(1200, "USD"))
        assert (view.id, view.order_id, view.expires_at) == (ID, ID, NOW)


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
    refund = Refund(ID, ID, 1, "pi_1", 700, state, False, "scratched", None, None, 1, 0, NOW)
    assert views.refund(refund, "USD") == wire.Refund(ID, ID, Money(700, "USD"), "scratched", status, NOW)  # type: ignore[arg-type]  # a literal of the table


def test_every_total_of_an_account_is_published() -> None:
    account = Account()
    for n, field in enumerate(fields(Account), 1):
        account = replace(account, **{field.name: n})
    published = msgspec.to_builtins(views.charge_account(account, "USD"))
    assert published == {"currency": "USD"} | {field.name: n for n, field in enumerate(fields(Account), 1)}
