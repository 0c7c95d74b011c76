"""Messages from Stripe may be forged, doubled, late, out of order or lost; what they say is never believed anyway."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from serai.chassis.settings import SettingsError
from serai.payment import webhooks
from serai.payment.app import create
from serai.payment.deps import Deps
from serai.sandbox.webhooks import sign
from tests import tokens
from tests.payment.service import Buyer, PaymentService, eventually
from tests.sandbox.process import KEY, SECRET

PATH = "/api/payments/webhooks/stripe"


def event_about(buyer: Buyer, **more: Any) -> bytes:
    """What Stripe would say if the buyer had paid."""
    session = {
        "id": buyer.payment["checkout_url"].rpartition("/")[2],
        "object": "checkout.session",
        "metadata": {"order_id": str(buyer.order_id), "attempt": "1"},
        "status": "complete",
        "payment_status": "paid",
    }
    event = {"id": f"evt_{uuid4().hex}", "type": "checkout.session.completed", "created": int(time.time())}
    return json.dumps({**event, "data": {"object": session}, **more}).encode()


async def post(service: PaymentService, body: bytes, signature: str | None) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({"stripe-signature": signature} if signature else {})
    return await service.http.post(PATH, content=body, headers=headers)


async def nothing_left(service: PaymentService) -> bool:
    return not await service.sql("select 1 from webhook_event where processed_at is null")


async def test_a_proven_lie_settles_nothing(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    body = event_about(buyer)
    assert (await post(no_webhooks, body, sign(body, SECRET, int(time.time())))).status_code == 200
    await eventually(lambda: nothing_left(no_webhooks))
    assert await buyer.status() == "requires_payment"
    assert await buyer.events() == []


async def test_either_secret_proves_a_webhook_while_one_replaces_the_other(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    body, now = event_about(buyer), int(time.time())
    old, new = sign(body, SECRET, now), sign(body, "whsec_of_next_month", now)
    assert (await post(no_webhooks, body, new)).status_code == 200
    assert (await post(no_webhooks, body, f"{new},{old.partition(',')[2]}")).status_code == 200
    await buyer.becomes("succeeded")
    assert await buyer.events() == ["payment.succeeded"]


@pytest.mark.parametrize("forgery", ["absent", "empty", "garbage", "other secret", "other body", "old", "v0 only"])
async def test_what_is_not_signed_by_stripe_is_refused_and_not_kept(no_webhooks: PaymentService, forgery: str) -> None:
    buyer = await no_webhooks.buyer()
    body, now = event_about(buyer), int(time.time())
    signatures = {
        "absent": None,
        "empty": "t=,v1=",
        "garbage": "signed, Stripe",
        "other secret": sign(body, "whsec_wrong", now),
        "other body": sign(body + b" ", SECRET, now),
        "old": sign(body, SECRET, now - 301),
        "v0 only": sign(body, SECRET, now).replace("v1=", "v0="),
    }
    answer = await post(no_webhooks, body, signatures[forgery])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert not await no_webhooks.sql("select 1 from webhook_event where id = $1", json.loads(body)["id"])


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b"[1,2]", b'{"id": "evt_1"}'])
async def test_a_signed_message_that_is_no_event_is_refused(no_webhooks: PaymentService, body: bytes) -> None:
    answer = await post(no_webhooks, body, sign(body, SECRET, int(time.time())))
    assert answer.status_code == 400


async def test_events_about_others_are_taken_and_ignored(no_webhooks: PaymentService) -> None:
    metadata = {"order_id": "\u2028", "attempt": "x"}
    body = json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "type": "customer.created",
            "created": 1,
            "data": {"object": {"id": "cus_1", "object": "customer", "metadata": metadata}},
        }
    ).encode()
    assert (await post(no_webhooks, body, sign(body, SECRET, int(time.time())))).status_code == 200
    await eventually(lambda: nothing_left(no_webhooks))


async def test_doubled_late_and_reordered_messages_make_one_event(service: PaymentService) -> None:
    await service.fault("webhook:checkout.session.completed", "duplicate")
    await service.fault("webhook:payment_intent.succeeded", "late", delay_ms=300)
    buyer = await service.buyer()
    await buyer.pay()

    async def both_arrived() -> bool:
        session = buyer.payment["checkout_url"].rpartition("/")[2]
        rows = await service.sql(
            """select count(*) n from webhook_event
               where processed_at is not null and position($1 in encode(body, 'escape')) > 0""",
            str(buyer.order_id),
        )
        assert session
        return bool(rows[0]["n"] == 2)

    await eventually(both_arrived)
    assert await buyer.status() == "succeeded"
    assert await buyer.events() == ["payment.succeeded"]


async def test_what_is_settled_is_not_read_from_stripe_again(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    await no_webhooks.fault("*", "fail_500_before")
    body = event_about(buyer)
    assert (await post(no_webhooks, body, sign(body, SECRET, int(time.time())))).status_code == 200
    await eventually(lambda: nothing_left(no_webhooks))
    (fault,) = (await no_webhooks.web.get(f"{no_webhooks.sandbox.api}/_faults")).json()["items"]
    assert fault["fault"] == "fail_500_before"


async def test_what_a_process_has_stored_is_its_own_until_its_time_is_over(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    body = event_about(buyer)
    event = (json.loads(body)["id"], "checkout.session.completed", body)
    # A replica stores it, and dies.
    assert await no_webhooks.deps.store_webhook(event)
    assert not await no_webhooks.deps.store_webhook(event)
    assert await webhooks.work_once(no_webhooks.deps) == 0
    assert await buyer.status() == "requires_payment"
    await no_webhooks.sql("update webhook_event set due_at = now() where id = $1", event[0])
    await buyer.becomes("succeeded")


async def test_the_event_list_brings_what_was_dropped(service: PaymentService) -> None:
    await service.fault("webhook", "drop", count=2)
    buyer = await service.buyer()
    await buyer.pay()
    await service.sql("update event_sweep set lease_until = now()")
    await webhooks.sweep_events(service.deps)
    await eventually(lambda: nothing_left_after(service.deps))
    assert await buyer.status() == "succeeded"
    (swept,) = await service.sql("select read_until > now() - interval '1 minute' as recent from event_sweep")
    assert swept["recent"]


async def nothing_left_after(deps: Deps) -> bool:
    """When this replica finds nothing to do, and nobody else is at it."""
    await webhooks.work_once(deps)
    async with deps.database.connection() as conn:
        return not await conn.fetchval("select count(*) from webhook_event where processed_at is null")


async def test_a_session_whose_name_we_never_learnt_is_found_by_its_webhook(service: PaymentService) -> None:
    buyer = await service.buyer()
    await service.sql(
        "update attempt set state = 'opening', session_id = null where payment_id = $1", buyer.payment["id"]
    )
    await buyer.pay()
    await buyer.becomes("succeeded")


async def test_a_charge_that_is_not_the_orders_is_parked_and_never_called_paid(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000)
    await no_webhooks.sql("update payment set amount = 6000 where order_id = $1", buyer.order_id)
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "processing"
    assert await buyer.close() == "unknown"
    assert await buyer.events() == []


def test_a_live_key_is_sent_nowhere_but_to_stripe() -> None:
    elsewhere = {"STRIPE_API_BASE": "http://127.0.0.1:1", "STRIPE_SECRET_KEY": "sk_live_1"}
    with pytest.raises(SettingsError, match="live key"):
        create(tokens.environ("payment", STRIPE_WEBHOOK_SECRET=SECRET, **elsewhere))


@pytest.mark.parametrize("secret", ["", ",", "whsec_a,"])
def test_an_empty_webhook_secret_does_not_start(secret: str) -> None:
    with pytest.raises(SettingsError, match="STRIPE_WEBHOOK_SECRET"):
        create(tokens.environ("payment", STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=secret))
