"""The sandbox's state survives `kill -9`."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import stripe

from tests.sandbox.process import Sandbox, eventually, session_params

pytestmark = pytest.mark.slow


def test_keeps_its_whole_state_across_a_kill(start_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = start_sandbox()
    client, before = sandbox.stripe(), sandbox.endpoints
    waiting = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": "waiting"})
    paid = sandbox.paid_session()
    refund = client.v1.refunds.create({"payment_intent": str(paid.payment_intent), "amount": 100})
    with smtplib.SMTP(*sandbox.smtp) as mail:
        mail.sendmail("shop@example.com", ["ada@example.com"], b"Subject: Kept\r\n\r\nHello\r\n")
    ledger, events = sandbox.whole_ledger(), client.v1.events.list({"limit": 100}).to_dict()
    sandbox.kill()
    sandbox.start()
    assert {name: sandbox.endpoints[name] for name in ("stripe", "mail", "smtp")} == {
        name: before[name] for name in ("stripe", "mail", "smtp")
    }
    assert sandbox.whole_ledger() == ledger
    assert client.v1.events.list({"limit": 100}).to_dict() == events
    assert client.v1.checkout.sessions.retrieve(paid.id).to_dict() == paid.to_dict()
    assert client.v1.refunds.retrieve(refund.id).to_dict() == refund.to_dict()
    again = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": "waiting"})
    assert again.id == waiting.id
    assert sandbox.pay(waiting.url).status_code == 303
    (mailed,) = sandbox.http.get(f"{sandbox.mail}/api/messages").json()["items"]
    assert (mailed["subject"], mailed["text"].strip()) == ("Kept", "Hello")


def test_keeps_everything_it_confirmed_before_a_kill(start_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = start_sandbox()
    answered: list[str] = []

    def buy(_: int) -> None:
        try:
            while True:
                answered.append(sandbox.paid_session().id)
        except (httpx.HTTPError, stripe.StripeError):
            return

    with ThreadPoolExecutor(4) as buyers:
        done = buyers.map(buy, range(4))
        eventually(lambda: len(answered) >= 20)
        sandbox.kill()
        list(done)
    sandbox.start()
    client = sandbox.stripe()
    charged = [entry["payment_intent"] for entry in sandbox.whole_ledger()]
    assert len(charged) == len(set(charged))
    for identifier in answered:
        session = client.v1.checkout.sessions.retrieve(identifier)
        assert session.status == "complete"
        assert session.payment_intent in charged


def test_a_test_can_expire_a_session(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    assert sandbox.post(f"/_expire/{session.id}")["status"] == "expired"
    assert sandbox.stripe().v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert sandbox.pay(session.url).status_code == 410
    event = sandbox.stripe().v1.events.list({"type": "checkout.session.expired", "limit": 1}).data[0]
    assert event.data.object["id"] == session.id
    assert sandbox.http.post(f"{sandbox.api}/_expire/{session.id}").status_code == 409
