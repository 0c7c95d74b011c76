from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from tests.sandbox.process import Sandbox, session_params


def refusal(sandbox: Sandbox, **more: Any) -> stripe.InvalidRequestError:
    params = {name: value for name, value in session_params(**more).items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.stripe().v1.checkout.sessions.create(params)  # type: ignore[arg-type]  # wrong on purpose
    return caught.value


def line(**price: Any) -> list[dict[str, Any]]:
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Lamp"}, **price}
    return [{"quantity": 1, "price_data": {name: value for name, value in data.items() if value is not None}}]


def test_a_session_has_the_values_that_the_shop_sent(sandbox: Sandbox) -> None:
    session = sandbox.open_session(2500)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 2500)
    assert session.client_reference_id == "order-1"
    assert session.to_dict()["metadata"] == {"order_id": "order-1"}
    assert session.payment_intent is None
    assert session.url is not None
    assert session.url.startswith(sandbox.api)
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).to_dict() == session.to_dict()


def test_adds_up_the_lines(sandbox: Sandbox) -> None:
    lines = [line()[0] | {"quantity": 3}, *line(unit_amount=125)]
    session = sandbox.open_session(line_items=lines)
    assert session.amount_total == 1625
    listed = sandbox.stripe().v1.checkout.sessions.line_items.list(session.id, {"limit": 1})
    assert [(item.description, item.amount_total) for item in listed.data] == [("Lamp", 1500)]
    assert listed.has_more
    expanded = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert expanded.line_items is not None
    assert len(expanded.line_items.data) == 2


def test_expires_an_open_session_once(sandbox: Sandbox) -> None:
    client, session = sandbox.stripe(), sandbox.open_session()
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        client.v1.checkout.sessions.expire(session.id)
    assert client.v1.checkout.sessions.retrieve(session.id).url is None


def test_does_not_expire_a_paid_session(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="complete"):
        sandbox.stripe().v1.checkout.sessions.expire(sandbox.paid_session().id)


def test_cancels_the_intent_of_an_expired_session(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    assert sandbox.pay(session.url, "4000000000000002").status_code == 402
    client = sandbox.stripe()
    expired = client.v1.checkout.sessions.expire(session.id, {"expand": ["payment_intent"]})
    assert isinstance(expired.payment_intent, stripe.PaymentIntent)
    assert expired.payment_intent.status == "canceled"


@pytest.mark.parametrize(("seconds", "words"), [(1790, "at least 30 minutes"), (86_500, "less than 24 hours")])
def test_refuses_an_expiry_too_near_or_too_far(sandbox: Sandbox, seconds: int, words: str) -> None:
    error = refusal(sandbox, expires_at=int(time.time()) + seconds)
    assert error.param == "expires_at"
    assert words in str(error)


def test_accepts_an_expiry_within_the_limits(sandbox: Sandbox) -> None:
    at = int(time.time()) + 2700
    assert sandbox.open_session(expires_at=at).expires_at == at


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"succes_url": "http://x.test"}, "parameter_unknown", "succes_url"),
        ({"metadata": "x"}, None, "metadata"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"mode": None}, "parameter_missing", "mode"),
        ({"mode": "gift"}, None, "mode"),
        ({"success_url": "not a url"}, "url_invalid", "success_url"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"customer_email": ""}, "parameter_invalid_empty", "customer_email"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"discounts": [{"coupon": "x"}]}, None, "discounts.coupon"),
        ({"automatic_tax": {"enabled": True}}, None, "automatic_tax[enabled]"),
        ({"line_items": line(currency=None)}, "parameter_missing", "line_items[0][price_data][currency]"),
        ({"line_items": line(colour="red")}, "parameter_unknown", "line_items[0][price_data][colour]"),
        (
            {"line_items": line(unit_amount="1.5")},
            "parameter_invalid_integer",
            "line_items[0][price_data][unit_amount]",
        ),
        ({"line_items": line(unit_amount=-1)}, None, "line_items[0][price_data][unit_amount]"),
        ({"line_items": line(unit_amount=None)}, "parameter_missing", "line_items[0][price_data][unit_amount]"),
        ({"line_items": line(unit_amount=49)}, "amount_too_small", "line_items"),
        ({"line_items": [*line(), *line(unit_amount=99_999_999)]}, "amount_too_large", "line_items"),
        ({"line_items": [*line(), *line(currency="eur")]}, None, "line_items"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
    ],
)
def test_refuses_what_stripe_refuses(sandbox: Sandbox, wrong: dict[str, Any], code: str | None, param: str) -> None:
    error = refusal(sandbox, **wrong)
    assert (error.http_status, error.code, error.param) == (400, code, param)


def test_lists_newest_first_in_pages(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    made = [sandbox.open_session().id for _ in range(5)]
    first = client.v1.checkout.sessions.list({"limit": 2})
    assert [session.id for session in first.data] == made[:-3:-1]
    assert first.has_more
    second = client.v1.checkout.sessions.list({"limit": 2, "starting_after": first.data[-1].id})
    assert [session.id for session in second.data] == [made[2], made[1]]
    back = client.v1.checkout.sessions.list({"limit": 2, "ending_before": second.data[0].id})
    assert [session.id for session in back.data] == [session.id for session in first.data]


def test_finds_the_session_of_an_intent(sandbox: Sandbox) -> None:
    paid = sandbox.paid_session()
    found = sandbox.stripe().v1.checkout.sessions.list({"payment_intent": str(paid.payment_intent)})
    assert [session.id for session in found.data] == [paid.id]
    assert not found.has_more


def test_an_unknown_session_is_a_404(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.stripe().v1.checkout.sessions.retrieve("cs_test_nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_refuses_an_unknown_key(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        sandbox.stripe("sk_test_of_somebody_else").v1.balance.retrieve()
    assert "Invalid API Key" in str(caught.value)
    assert sandbox.http.get(f"{sandbox.api}/v1/balance").status_code == 401


def test_refuses_an_expansion_that_does_not_exist(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sandbox.stripe().v1.checkout.sessions.retrieve(sandbox.open_session().id, {"expand": ["moon"]})


def test_expands_down_to_the_charge(sandbox: Sandbox) -> None:
    params: Any = {"expand": ["payment_intent.latest_charge", "payment_intent.payment_method"]}
    session = sandbox.stripe().v1.checkout.sessions.retrieve(sandbox.paid_session().id, params)
    intent = session.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.amount_captured == 2500
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.to_dict()["metadata"] == {"order_id": "order-1"}
