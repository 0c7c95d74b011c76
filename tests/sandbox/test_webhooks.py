"""Webhooks: signatures, subscriptions, retries and injected faults."""

from __future__ import annotations

import time
from collections.abc import Callable

import stripe

from serai.sandbox.webhooks import MAX_ATTEMPTS, MAX_BACKOFF_S, backoff_s, sign
from tests.sandbox.process import CHALLENGED, DECLINED, Endpoint, Sandbox, eventually


def wait_for_events(endpoint: Endpoint, identifier: str, *types: str) -> list[stripe.Event]:
    """Wait until an event of each type has arrived for the object."""
    eventually(lambda: set(types) <= {event.type for event in endpoint.of(identifier)})
    return endpoint.of(identifier)


def test_sends_a_payment_with_a_signature_that_the_sdk_accepts(sandbox: Sandbox, webhooks: Endpoint) -> None:
    session = sandbox.paid_session()
    events = wait_for_events(webhooks, session.id, "checkout.session.completed")
    (completed,) = (event for event in events if event.type == "checkout.session.completed")
    assert completed.data.object["payment_status"] == "paid"
    # Their order is not guaranteed, as at Stripe.
    types = ("payment_intent.created", "payment_intent.succeeded", "charge.succeeded")
    about_intent = wait_for_events(webhooks, str(session.payment_intent), *types)
    assert "payment_intent.created" in [event.type for event in about_intent]


def test_sends_every_event_of_a_session(sandbox: Sandbox, webhooks: Endpoint) -> None:
    session = sandbox.open_session()
    sandbox.pay(session.url, DECLINED)
    sandbox.pay(session.url, CHALLENGED)
    sandbox.stripe().v1.checkout.sessions.expire(session.id)
    intent = str(sandbox.stripe().v1.checkout.sessions.retrieve(session.id).payment_intent)
    wait_for_events(webhooks, session.id, "checkout.session.expired")
    wait_for_events(
        webhooks,
        intent,
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    )


def test_sends_the_events_of_refunds(sandbox: Sandbox, webhooks: Endpoint) -> None:
    session = sandbox.paid_session(number="4000000000005126")
    refund = sandbox.stripe().v1.refunds.create({"payment_intent": str(session.payment_intent)})
    events = wait_for_events(
        webhooks, refund.id, "refund.created", "refund.updated", "refund.failed", "charge.refund.updated"
    )
    (failed,) = (event for event in events if event.type == "refund.failed")
    assert failed.data.object["status"] == "failed"
    wait_for_events(webhooks, str(refund.charge), "charge.refunded")


def test_sends_only_what_the_endpoint_subscribed_to(sandbox: Sandbox, endpoint: Endpoint) -> None:
    sandbox.post("/_webhook", url=endpoint.url, enabled_events=["checkout.session.completed"])
    for _ in range(2):
        sandbox.paid_session()
    eventually(lambda: len(endpoint.received) == 2)
    assert set(endpoint.types) == {"checkout.session.completed"}


def test_retries_until_the_endpoint_accepts(sandbox: Sandbox, endpoint: Endpoint) -> None:
    endpoint.answers = [500, 302]
    sandbox.post("/_webhook", url=endpoint.url, enabled_events=["checkout.session.completed"])
    session = sandbox.paid_session()
    eventually(lambda: len(endpoint.received) == 3)
    assert len({event.id for event in endpoint.received}) == 1
    event = endpoint.of(session.id)[0]
    client = sandbox.stripe()
    eventually(lambda: client.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_backoff_grows_up_to_a_maximum() -> None:
    waits = [backoff_s(attempt) for attempt in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[0] < 1
    assert waits[-1] == MAX_BACKOFF_S


def test_signs_as_the_sdk_does() -> None:
    signed = sign(b'{"a": "\xc3\xa9"}', "whsec_x", 1_700_000_000)
    assert signed == stripe.WebhookSignature.generate_signature_header('{"a": "é"}', "whsec_x", 1_700_000_000)


def test_a_fault_sends_an_event_twice(sandbox: Sandbox, webhooks: Endpoint) -> None:
    sandbox.fault("webhook:checkout.session.completed", "duplicate")
    session = sandbox.paid_session()
    eventually(lambda: [event.type for event in webhooks.of(session.id)].count("checkout.session.completed") == 2)
    assert len({event.id for event in webhooks.of(session.id)}) == 1


def test_a_fault_drops_a_webhook_but_the_event_is_listed(sandbox: Sandbox, webhooks: Endpoint) -> None:
    sandbox.fault("webhook:checkout.session.completed", "drop")
    lost, after = sandbox.paid_session(), sandbox.paid_session()
    wait_for_events(webhooks, after.id, "checkout.session.completed")
    assert webhooks.of(lost.id) == []
    listed = sandbox.stripe().v1.events.list({"type": "checkout.session.completed"})
    assert lost.id in [event.data.object["id"] for event in listed.data]


def test_a_fault_delivers_out_of_order(sandbox: Sandbox, endpoint: Endpoint) -> None:
    sandbox.post("/_webhook", url=endpoint.url, enabled_events=["checkout.session.completed"])
    sandbox.fault("webhook:checkout.session.completed", "reorder", delay_ms=8_000)
    first, second = sandbox.paid_session(), sandbox.paid_session()
    eventually(lambda: len(endpoint.received) == 2, within_s=5)
    assert [event.data.object["id"] for event in endpoint.received] == [second.id, first.id]


def test_a_fault_delivers_late(sandbox: Sandbox, webhooks: Endpoint) -> None:
    sandbox.fault("webhook:checkout.session.completed", "late", delay_ms=500)
    paid_at = time.monotonic()
    session = sandbox.paid_session()
    wait_for_events(webhooks, session.id, "checkout.session.completed")
    assert time.monotonic() - paid_at >= 0.5


def test_delivers_pending_events_after_a_kill(start_sandbox: Callable[..., Sandbox], endpoint: Endpoint) -> None:
    sandbox = start_sandbox()
    sandbox.post("/_webhook", url="http://127.0.0.1:9/nobody-listens", enabled_events=["checkout.session.completed"])
    session = sandbox.paid_session()
    sandbox.kill()
    sandbox.start()
    sandbox.post("/_webhook", url=endpoint.url)
    wait_for_events(endpoint, session.id, "checkout.session.completed")


def test_an_endpoint_set_at_run_time_is_kept_until_the_environment_changes(
    start_sandbox: Callable[..., Sandbox], endpoint: Endpoint
) -> None:
    sandbox = start_sandbox(WEBHOOK_URL="http://127.0.0.1:9/first")
    sandbox.post("/_webhook", url=endpoint.url)
    sandbox.kill()
    sandbox.start()
    assert sandbox.http.get(f"{sandbox.api}/_webhook").json()["url"] == endpoint.url
    sandbox.kill()
    sandbox.environment["SERAI_SANDBOX_WEBHOOK_URL"] = "http://127.0.0.1:9/second"
    sandbox.start()
    assert sandbox.http.get(f"{sandbox.api}/_webhook").json()["url"] == "http://127.0.0.1:9/second"
