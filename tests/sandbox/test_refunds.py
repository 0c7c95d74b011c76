from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.sandbox import charging, refunds
from serai.sandbox.errors import StripeError
from serai.sandbox.store import Store
from serai.sandbox.stripe_state import Endpoint, StripeState
from tests.sandbox.process import Sandbox, eventually


def paid(sandbox: Sandbox, method: str = "pm_card_visa", amount: int = 1000) -> str:
    params: Any = {
        "amount": amount,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "return_url": "http://shop.test/back",
    }
    return sandbox.stripe().v1.payment_intents.create(params).id


def test_refunds_in_two_parts(sandbox: Sandbox) -> None:
    client, intent = sandbox.stripe(), paid(sandbox)
    part = client.v1.refunds.create(
        {"payment_intent": intent, "amount": 300, "metadata": {"n": "1"}, "reason": "requested_by_customer"}
    )
    assert (part.status, part.amount, part.reason) == ("succeeded", 300, "requested_by_customer")
    rest = client.v1.refunds.create({"payment_intent": intent})
    assert rest.amount == 700
    charge = client.v1.charges.retrieve(str(rest.charge))
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert [refund.id for refund in client.v1.refunds.list({"payment_intent": intent}).data] == [rest.id, part.id]
    assert [refund.id for refund in client.v1.refunds.list({"charge": charge.id}).data] == [rest.id, part.id]
    assert client.v1.refunds.retrieve(part.id).to_dict() == part.to_dict()
    assert [(entry["type"], entry["amount"]) for entry in sandbox.ledger(intent)] == [
        ("charge", 1000),
        ("refund", 300),
        ("refund", 700),
    ]


def test_refuses_more_than_is_left(sandbox: Sandbox) -> None:
    client, intent = sandbox.stripe(), paid(sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="greater than charge amount"):
        client.v1.refunds.create({"payment_intent": intent, "amount": 1001})
    client.v1.refunds.create({"payment_intent": intent, "amount": 600})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent, "amount": 401})
    client.v1.refunds.create({"payment_intent": intent, "amount": 400})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    assert caught.value.code == "charge_already_refunded"


def test_concurrent_refunds_never_exceed_the_charge(sandbox: Sandbox) -> None:
    intent = paid(sandbox)

    def ask(_: int) -> int:
        try:
            return sandbox.stripe().v1.refunds.create({"payment_intent": intent, "amount": 300}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(6) as askers:
        assert sum(askers.map(ask, range(6))) == 900


@pytest.mark.parametrize("amount", [0, -5])
def test_refuses_an_invalid_amount(sandbox: Sandbox, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.stripe().v1.refunds.create({"payment_intent": paid(sandbox), "amount": amount})
    assert caught.value.param == "amount"


def test_refuses_a_refund_of_an_unpaid_intent(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({})
    assert caught.value.code == "parameter_missing"


def test_a_pending_refund_succeeds_later(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    refund = client.v1.refunds.create({"payment_intent": paid(sandbox, "pm_card_pendingRefund")})
    assert refund.status == "pending"
    eventually(lambda: client.v1.refunds.retrieve(refund.id).status == "succeeded")


def test_a_refund_may_fail_after_it_succeeded(sandbox: Sandbox) -> None:
    client, intent = sandbox.stripe(), paid(sandbox, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == "succeeded"
    eventually(lambda: client.v1.refunds.retrieve(refund.id).status == "failed")
    charge = client.v1.charges.retrieve(str(refund.charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert [entry["type"] for entry in sandbox.ledger(intent)] == ["charge", "refund", "refund_failure"]


def test_the_balance_is_charges_minus_refunds(sandbox: Sandbox) -> None:
    def available() -> int:
        amounts = sandbox.stripe().v1.balance.retrieve().available
        return sum(each.amount for each in amounts if each.currency == "usd")

    before, intent = available(), paid(sandbox)
    sandbox.stripe().v1.refunds.create({"payment_intent": intent, "amount": 300})
    assert available() == before + 700


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(min_value=-10, max_value=1500)), max_size=8))
def test_refunds_never_exceed_the_charge(amounts: list[int | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = StripeState(Store(Path(folder) / "stripe.sqlite"), "sk", Endpoint(None, "whsec"))
        with state.transact() as call:
            intent = charging.open_intent(call, amount=1000, currency="usd", params={})
            method = charging.new_method(call, "4242424242424242", exp=(2099, 12), email=None, name=None)
            charging.attempt(call, intent, method)
        for amount in amounts:
            params = {"payment_intent": intent.id} | ({} if amount is None else {"amount": amount})
            try:
                with state.transact(params=params) as call:
                    refunds.create(call)
            except StripeError:
                continue
        given_back = [
            entry["amount"] for _, entry in state.store.ledger(after=0, limit=100) if entry["type"] == "refund"
        ]
        assert all(amount > 0 for amount in given_back)
        assert sum(given_back) <= 1000
        (charge,) = state.store.by_ref("charge", intent.id)
        assert charge.body["amount_refunded"] == sum(given_back)
        state.store.close()
