from __future__ import annotations

from typing import Any

import pytest
import stripe

from serai.sandbox.cards import CARDS, PAYMENT_METHODS
from tests.sandbox.process import DECLINED, Sandbox, error_in


def create(sandbox: Sandbox, **more: Any) -> stripe.PaymentIntent:
    params: Any = {"amount": 1200, "currency": "usd", **more}
    return sandbox.stripe().v1.payment_intents.create(params)


def confirm(sandbox: Sandbox, intent: stripe.PaymentIntent, method: str, **more: Any) -> stripe.PaymentIntent:
    params: Any = {"payment_method": method, "return_url": "http://shop.test/back", **more}
    return sandbox.stripe().v1.payment_intents.confirm(intent.id, params)


def test_an_intent_is_created_and_paid(sandbox: Sandbox) -> None:
    intent = create(sandbox, metadata={"order_id": "o-2"})
    assert intent.status == "requires_payment_method"
    paid = confirm(sandbox, intent, "pm_card_visa", expand=["latest_charge"])
    assert (paid.status, paid.amount_received) == ("succeeded", 1200)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.paid
    (entry,) = sandbox.ledger(intent.id)
    assert (entry["type"], entry["amount"], entry["currency"], entry["metadata"]) == (
        "charge",
        1200,
        "usd",
        {"order_id": "o-2"},
    )


def test_waits_for_confirmation_once_it_has_a_payment_method(sandbox: Sandbox) -> None:
    intent = create(sandbox, payment_method="pm_card_visa")
    assert intent.status == "requires_confirmation"
    confirmed = sandbox.stripe().v1.payment_intents.confirm(intent.id, {"return_url": "http://shop.test/back"})
    assert confirmed.status == "succeeded"


@pytest.mark.parametrize("method", sorted(PAYMENT_METHODS))
def test_every_test_method_does_what_its_card_does(sandbox: Sandbox, method: str) -> None:
    card, intent = CARDS[PAYMENT_METHODS[method]], create(sandbox)
    if card.challenge:
        assert confirm(sandbox, intent, method).status == "requires_action"
    elif card.decline:
        with pytest.raises(stripe.CardError) as caught:
            confirm(sandbox, intent, method)
        assert (caught.value.http_status, caught.value.code) == (402, card.decline.code)
        error = error_in(caught.value)
        assert error.get("decline_code") == card.decline.decline_code
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert sandbox.ledger(intent.id) == []
    else:
        assert confirm(sandbox, intent, method).status == "succeeded"


def test_accepts_another_card_after_a_decline(sandbox: Sandbox) -> None:
    intent = create(sandbox)
    with pytest.raises(stripe.CardError):
        confirm(sandbox, intent, "pm_card_chargeDeclined")
    assert confirm(sandbox, intent, "pm_card_mastercard").status == "succeeded"
    listed = sandbox.stripe().v1.charges.list({"payment_intent": intent.id})
    assert [charge.status for charge in listed.data] == ["succeeded", "failed"]


def test_can_fail_instead_of_requiring_3d_secure(sandbox: Sandbox) -> None:
    intent = create(sandbox)
    with pytest.raises(stripe.CardError) as caught:
        confirm(sandbox, intent, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert caught.value.code == "authentication_required"
    assert sandbox.stripe().v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_cancelled_intent_stays_cancelled(sandbox: Sandbox) -> None:
    client, intent = sandbox.stripe(), create(sandbox)
    cancelled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        client.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        confirm(sandbox, intent, "pm_card_visa")
    assert caught.value.code == "payment_intent_unexpected_state"


def test_neither_cancels_nor_confirms_a_paid_intent(sandbox: Sandbox) -> None:
    intent = create(sandbox)
    confirm(sandbox, intent, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        confirm(sandbox, intent, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        sandbox.stripe().v1.payment_intents.cancel(intent.id)
    assert len(sandbox.ledger(intent.id)) == 1


def test_the_intent_of_a_session_can_only_be_paid_on_its_page(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.pay(session.url, DECLINED)
    client = sandbox.stripe()
    intent = str(client.v1.checkout.sessions.retrieve(session.id).payment_intent)
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        client.v1.payment_intents.cancel(intent)
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa", "return_url": "http://x.test"})


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": "dollar"}, None, "currency"),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"return_url": "http://x.test"}, None, "return_url"),
        ({"confirm": True, "payment_method": "pm_card_visa"}, None, "return_url"),
        ({"confirm": True, "return_url": "http://x.test"}, "parameter_missing", "payment_method"),
        ({"capture_method": "manual"}, None, "capture_method"),
        ({"setup_future_usage": "off_session"}, None, "setup_future_usage"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_refuses_what_stripe_refuses(sandbox: Sandbox, wrong: dict[str, Any], code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        create(sandbox, **wrong)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)


def test_needs_no_return_url_where_no_redirect_is_allowed(sandbox: Sandbox) -> None:
    never = {"enabled": True, "allow_redirects": "never"}
    intent = create(sandbox, automatic_payment_methods=never, confirm=True, payment_method="pm_card_visa")
    assert intent.status == "succeeded"


def test_lists_by_time_of_creation(sandbox: Sandbox) -> None:
    intent = create(sandbox)
    client = sandbox.stripe()
    found = client.v1.payment_intents.list({"created": {"gte": intent.created}, "limit": 100})
    assert intent.id in [each.id for each in found.data]
    assert client.v1.payment_intents.list({"created": {"gt": intent.created + 60}}).data == []
