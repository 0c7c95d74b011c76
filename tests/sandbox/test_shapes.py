"""Every object of the sandbox is compared with the SDK's types, field by field."""

from __future__ import annotations

import types
import typing
from typing import Any

import pytest
import stripe
from stripe.checkout import Session

from tests.sandbox.process import CHALLENGED, DECLINED, Sandbox

#: Names that the SDK's modules give to classes they import.
ALIASES = {"CardResource": "Card"}


def differences(value: Any, declared: Any, at: str) -> list[str]:
    """Where `value` does not match the SDK's annotation; empty when it matches."""
    if isinstance(declared, str):
        declared = typing.ForwardRef(declared)
    if isinstance(declared, typing.ForwardRef):
        declared = getattr(stripe, ALIASES.get(declared.__forward_arg__, declared.__forward_arg__))
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if declared is Any:
        return []
    if origin in (typing.Union, types.UnionType):
        found = [differences(value, member, at) for member in arguments]
        return min(found, key=len)
    if origin is typing.Literal:
        return [] if value in arguments else [f"{at}: {value!r} is none of {arguments}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{at}: no list"]
        return [each for n, item in enumerate(value) for each in differences(item, arguments[0], f"{at}[{n}]")]
    if origin is stripe.ListObject:
        return [each for n, item in enumerate(value["data"]) for each in differences(item, arguments[0], f"{at}.{n}")]
    if origin is not None:  # a free-form object, such as metadata
        return [] if isinstance(value, dict) else [f"{at}: no object"]
    if isinstance(declared, type) and issubclass(declared, stripe.StripeObject):
        return _fields(value, declared, at)
    return [] if type(value) is declared else [f"{at}: {value!r} is no {declared}"]


def _fields(value: Any, declared: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no {declared.__name__}"]
    known = {
        name: each
        for name, each in declared.__annotations__.items()
        if not name.startswith("_") and typing.get_origin(each) is not typing.ClassVar
    }
    found = [f"{at}.{name}: unknown to the SDK" for name in value if name not in known]
    for name, annotation in known.items():
        if name in value:
            found += differences(value[name], annotation, f"{at}.{name}")
        elif type(None) not in typing.get_args(annotation):
            found.append(f"{at}.{name}: missing")
    return found


def assert_matches(shown: stripe.StripeObject, declared: Any) -> None:
    assert differences(shown.to_dict(), declared, declared.__name__) == []


@pytest.mark.parametrize("number", ["4242424242424242", DECLINED, CHALLENGED])
def test_sessions_intents_and_charges_match_the_sdk(sandbox: Sandbox, number: str) -> None:
    client, session = sandbox.stripe(), sandbox.open_session()
    assert_matches(session, Session)
    sandbox.pay(session.url, number)
    params: Any = {"expand": ["line_items", "payment_intent"]}
    after = client.v1.checkout.sessions.retrieve(session.id, params)
    assert_matches(after, Session)
    assert isinstance(after.payment_intent, stripe.PaymentIntent)
    assert_matches(after.payment_intent, stripe.PaymentIntent)
    if after.payment_intent.latest_charge:
        charge = client.v1.charges.retrieve(str(after.payment_intent.latest_charge), {"expand": ["refunds"]})
        assert_matches(charge, stripe.Charge)


def test_refunds_methods_events_and_balances_match_the_sdk(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    intent = client.v1.payment_intents.retrieve(str(sandbox.paid_session(number="4000000000007726").payment_intent))
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert_matches(refund, stripe.Refund)
    assert_matches(client.v1.payment_methods.retrieve(str(intent.payment_method)), stripe.PaymentMethod)
    assert_matches(client.v1.balance.retrieve(), stripe.Balance)
    for event in client.v1.events.list({"limit": 20}).data:
        body = event.to_dict()
        assert differences({**body, "data": {"object": {}}}, stripe.Event, event.type) == []
        shown = body["data"]["object"]
        declared: Any = {
            "checkout.session": Session,
            "payment_intent": stripe.PaymentIntent,
            "charge": stripe.Charge,
            "refund": stripe.Refund,
        }[shown["object"]]
        assert differences(shown, declared, event.type) == []


def test_intents_created_by_the_api_match_the_sdk(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    assert_matches(intent, stripe.PaymentIntent)
    waiting = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_authenticationRequired", "return_url": "http://shop.test/back"}
    )
    assert_matches(waiting, stripe.PaymentIntent)
    assert_matches(client.v1.payment_intents.cancel(intent.id), stripe.PaymentIntent)
