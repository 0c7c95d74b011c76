"""The hosted payment page and the 3-D Secure page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from stripe.checkout import Session

from tests.sandbox.process import CHALLENGED, DECLINED, GOOD, Sandbox, card


def intent_of(sandbox: Sandbox, session: Session) -> stripe.PaymentIntent:
    fresh = sandbox.stripe().v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(fresh.payment_intent, stripe.PaymentIntent)
    return fresh.payment_intent


def test_shows_the_items_and_that_no_real_money_is_charged(sandbox: Sandbox) -> None:
    product = {"currency": "usd", "unit_amount": 124_900, "product_data": {"name": "<b>Desk</b>"}}
    session = sandbox.open_session(
        line_items=[{"quantity": 2, "price_data": product}], branding_settings={"display_name": "Tom & Sons"}
    )
    page = sandbox.http.get(str(session.url))
    assert page.status_code == 200
    assert "$2,498.00" in page.text
    assert "&lt;b&gt;Desk&lt;/b&gt;" in page.text
    assert "Tom &amp; Sons" in page.text
    assert "no real money" in page.text
    assert "<script" not in page.text
    assert page.text.count("<form") == 1
    assert "action=" not in page.text.partition("<form")[2].partition(">")[0]


def test_charges_a_valid_card_and_redirects_to_the_shop(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    answer = sandbox.pay(session.url)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://shop.test/done?session={session.id}"
    paid = sandbox.stripe().v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.customer_details is not None
    assert paid.customer_details.name == "Ada Buyer"
    assert [entry["amount"] for entry in sandbox.ledger(str(paid.payment_intent))] == [2500]


def test_the_buyer_can_go_back_and_pay_later(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    answer = sandbox.http.post(str(session.url), data={"action": "cancel"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://shop.test/cart")
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).status == "open"
    assert sandbox.pay(session.url).status_code == 303


def test_shows_the_form_again_after_a_decline(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    answer = sandbox.pay(session.url, DECLINED)
    assert answer.status_code == 402
    assert "Your card was declined." in answer.text
    assert "<form" in answer.text
    intent = intent_of(sandbox, session)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "generic_decline"
    assert sandbox.ledger(intent.id) == []
    assert sandbox.pay(session.url, GOOD).status_code == 303
    assert intent_of(sandbox, session).id == intent.id


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("4000000000009995", "insufficient funds"),
        ("4000000000000069", "expired"),
        ("4000000000000127", "security code is incorrect"),
        ("4111111111111111", "non test card"),
    ],
)
def test_shows_why_a_card_was_declined(sandbox: Sandbox, number: str, text: str) -> None:
    answer = sandbox.pay(sandbox.open_session().url, number)
    assert answer.status_code == 402
    assert text in answer.text


@pytest.mark.parametrize(
    "wrong", [{"number": "4242424242424241"}, {"number": ""}, {"exp": "13/40"}, {"exp": "01/20"}, {"cvc": "1"}]
)
def test_marks_the_invalid_field(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    session = sandbox.open_session()
    answer = sandbox.http.post(str(session.url), data=card() | wrong)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_intent is None


@pytest.mark.parametrize("exp", ["12/40", "1240", "12 / 2040", "2040-12", "122040", "1/40"])
def test_accepts_every_usual_format_of_an_expiry(sandbox: Sandbox, exp: str) -> None:
    answer = sandbox.http.post(str(sandbox.open_session().url), data=card() | {"exp": exp})
    assert answer.status_code == 303


def test_shows_3d_secure_when_the_card_requires_it(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    challenge = sandbox.pay(session.url, CHALLENGED)
    assert challenge.status_code == 200
    assert 'value="approve"' in challenge.text
    assert 'value="fail"' in challenge.text
    assert intent_of(sandbox, session).status == "requires_action"
    assert 'value="approve"' in sandbox.http.get(str(session.url)).text
    answer = sandbox.http.post(str(session.url), data={"action": "approve"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("http://shop.test/done")
    assert len(sandbox.ledger(intent_of(sandbox, session).id)) == 1


def test_charges_nothing_when_3d_secure_fails(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.pay(session.url, CHALLENGED)
    answer = sandbox.http.post(str(session.url), data={"action": "fail"})
    assert answer.status_code == 402
    assert "unable to authenticate" in answer.text
    intent = intent_of(sandbox, session)
    assert intent.status == "requires_payment_method"
    assert sandbox.ledger(intent.id) == []


def test_refuses_an_approval_without_a_challenge(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    assert sandbox.http.post(str(session.url), data={"action": "approve"}).status_code == 422
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).status == "open"


def test_concurrent_submissions_charge_once(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.fault("hosted.pay", "delay", delay_ms=50, count=4)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.pay(session.url), range(8)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(sandbox.ledger(intent_of(sandbox, session).id)) == 1


def test_shows_that_the_session_is_paid(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.pay(session.url)
    page = sandbox.http.get(str(session.url))
    assert "already paid" in page.text
    assert f"http://shop.test/done?session={session.id}" in page.text


def test_shows_that_the_session_has_expired_and_charges_nothing(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.stripe().v1.checkout.sessions.expire(session.id)
    assert "expired" in sandbox.http.get(str(session.url)).text
    assert sandbox.pay(session.url).status_code == 410
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_an_unknown_session_is_not_found(sandbox: Sandbox) -> None:
    assert sandbox.http.get(f"{sandbox.api}/c/pay/cs_test_nobody").status_code == 404
    assert sandbox.pay(f"{sandbox.api}/c/pay/cs_test_nobody").status_code == 404


@pytest.mark.parametrize(
    ("action", "status", "text"), [("approve", "succeeded", "succeeded"), ("fail", None, "failed")]
)
def test_confirms_an_intent_on_the_3d_secure_page(sandbox: Sandbox, action: str, status: str | None, text: str) -> None:
    params: Any = {
        "amount": 900,
        "currency": "usd",
        "payment_method": "pm_card_threeDSecure2Required",
        "confirm": True,
        "return_url": "http://shop.test/back?x=1",
    }
    client = sandbox.stripe()
    intent = client.v1.payment_intents.create(params)
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = str(intent.next_action.redirect_to_url.url)
    assert 'value="approve"' in sandbox.http.get(url).text
    answer = sandbox.http.post(url, data={"action": action})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"http://shop.test/back?x=1&payment_intent={intent.id}")
    assert answer.headers["Location"].endswith(f"redirect_status={text}")
    assert client.v1.payment_intents.retrieve(intent.id).status == (status or "requires_payment_method")
    assert sandbox.http.post(url, data={"action": action}).status_code == 410
