"""Stripe's events may be forged, repeated, late, out of order or lost. Their contents are never trusted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.chassis.settings import SettingsError
from serai.chassis.telemetry import REGISTRY
from serai.payment import webhook_store, webhooks
from serai.payment.app import create
from serai.payment.deps import Deps
from serai.payment.stripe_api import StripeApi, StripeEvent
from serai.sandbox.webhooks import sign
from tests import tokens
from tests.jobs import run_due_jobs
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
    assert await webhooks.WebhookWorker(no_webhooks.deps).claim(1) == []
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
    worker = webhooks.WebhookWorker(deps)
    await run_due_jobs(worker)
    await worker.mark_processed()
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


async def process(service: PaymentService, event: dict[str, Any]) -> bool:
    """Store an event as a webhook of another replica, and process it here. Returns whether it is finished."""
    body = json.dumps(event).encode()
    async with service.deps.database.connection() as conn:
        await webhook_store.insert_webhooks(conn, [(event["id"], event["type"], body)], 3600.0)
    done = await webhooks._process_all(service.deps, [msgspec.json.decode(body, type=StripeEvent)])
    return done == [event["id"]]


def refund_event(refund_id: str, metadata: dict[str, str]) -> dict[str, Any]:
    subject = {"id": refund_id, "object": "refund", "metadata": metadata}
    return {"id": f"evt_{uuid4().hex}", "type": "refund.updated", "created": 1, "data": {"object": subject}}


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.alert for record in caplog.records if hasattr(record, "alert")]


async def test_a_refund_that_somebody_made_at_stripe_raises_an_alert(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    assert await process(no_webhooks, refund_event("re_made_in_the_dashboard", {}))
    assert alerts(caplog) == ["unknown_refund"]


async def test_a_refund_that_cannot_be_read_raises_an_alert(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    refund = (await no_webhooks.refund(buyer.payment["id"], {})).json()
    assert await process(no_webhooks, refund_event("re_of_another_account", {"refund_id": refund["id"]}))
    assert alerts(caplog) == ["unknown_refund"]


@pytest.mark.parametrize("known", ["the id in the metadata", "the object"])
async def test_a_refund_event_finds_its_refund(no_webhooks: PaymentService, known: str) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    refund = (await no_webhooks.refund(buyer.payment["id"], {})).json()
    (row,) = await no_webhooks.sql("select stripe_id from refund where id = $1", refund["id"])
    # As if the process had died before it could record the answer.
    forgotten = None if known == "the id in the metadata" else row["stripe_id"]
    await no_webhooks.sql(
        """with forgotten as (
             update refund set state = 'pending', stripe_id = $2 where id = $1 returning payment_id)
           update attempt set refund_pending = refunded, refunded = 0
           from forgotten where attempt.payment_id = forgotten.payment_id""",
        refund["id"],
        forgotten,
    )
    metadata = {"refund_id": refund["id"]} if forgotten is None else {"refund_id": "not an id"}
    assert await process(no_webhooks, refund_event(row["stripe_id"], metadata))
    assert await buyer.status() == "refunded"


async def test_an_event_that_stripe_does_not_answer_for_is_postponed(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    event = json.loads(event_about(buyer))
    await no_webhooks.fault("checkout.sessions.retrieve", "429", count=100)
    assert not await process(no_webhooks, event)
    assert alerts(caplog) == []
    # It was claimed for an hour, and is due after a second or so.
    query = "select 1 from webhook_event where id = $1 and due_at < now() + interval '3 minutes'"
    assert await no_webhooks.sql(query, event["id"])


async def test_an_event_whose_object_contradicts_the_stored_state_is_an_alert_and_tried_again(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    refund = (await no_webhooks.refund(buyer.payment["id"], {})).json()
    (row,) = await no_webhooks.sql("select stripe_id from refund where id = $1", refund["id"])
    # The account has no refund that could still be decided.
    await no_webhooks.sql("update refund set state = 'pending' where id = $1", refund["id"])
    assert not await process(no_webhooks, refund_event(row["stripe_id"], {}))
    assert alerts(caplog) == ["webhook_failed"]
    # It would be tried again, and alert again, while other tests run.
    await no_webhooks.sql("update refund set state = 'succeeded' where id = $1", refund["id"])


async def test_several_events_about_one_attempt_cost_one_reading(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    session = json.loads(event_about(buyer))
    intent = session | {"id": "evt_intent"}
    intent["data"] = {"object": session["data"]["object"] | {"id": "pi_unknown", "object": "payment_intent"}}
    events = [msgspec.convert(event, StripeEvent) for event in (intent, session)]
    before = readings()
    assert await webhooks._process_all(no_webhooks.deps, events) == ["evt_intent", session["id"]]
    assert readings() - before == 1


def readings() -> float:
    """How often this process has read a session from Stripe."""
    labels = {"operation": "checkout.sessions.retrieve", "outcome": "ok"}
    return REGISTRY.get_sample_value("stripe_request_duration_seconds_count", labels) or 0.0


async def test_processed_events_are_marked_once_a_second(no_webhooks: PaymentService) -> None:
    worker = webhooks.WebhookWorker(no_webhooks.deps)
    await run_due_jobs(worker)
    event = await received(no_webhooks.deps)
    assert await run_due_jobs(worker) == 1
    assert await is_unprocessed(no_webhooks.deps, event), "the database was polled less than a second ago"
    await asyncio.sleep(0.8)
    await worker.claim(1)
    assert not await is_unprocessed(no_webhooks.deps, event)


async def test_a_worker_that_stops_marks_what_it_has_processed(no_webhooks: PaymentService) -> None:
    worker = webhooks.WebhookWorker(no_webhooks.deps)
    running = asyncio.create_task(worker.run())
    event = await received(no_webhooks.deps)
    async with asyncio.timeout(30):
        while not no_webhooks.deps.webhook_queue.empty() or worker.active_jobs:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not await is_unprocessed(no_webhooks.deps, event)


async def test_many_events_in_the_database_do_not_delay_those_that_arrive(database: Callable[[str], str]) -> None:
    db = Database(database("payment"), size=1)
    await db.open()
    deps = Deps(db, Feed("payment", db), StripeApi(KEY), "http://localhost:8080", "USD", (SECRET,))
    async with db.connection() as conn:
        await webhook_store.insert_webhooks(
            conn, [(f"evt_{number}", "customer.created", foreign_event(f"evt_{number}")) for number in range(40)]
        )
    event = await received(deps)
    worker = webhooks.WebhookWorker(deps)
    [batch] = await worker.claim(1)
    assert event in [each.id for each in batch]
    [rest] = await worker.claim(1)
    assert len({each.id for each in batch + rest}) == 41
    await db.close()


def foreign_event(event_id: str) -> bytes:
    """An event of another application."""
    subject = {"id": "cus_1", "object": "customer"}
    return json.dumps({"id": event_id, "type": "customer.created", "created": 1, "data": {"object": subject}}).encode()


async def received(deps: Deps) -> str:
    """The id of an event that this replica has stored and not processed."""
    event_id = f"evt_{uuid4().hex}"
    body = foreign_event(event_id)
    await webhooks.receive(deps, body, sign(body, SECRET, int(time.time())))
    return event_id


async def is_unprocessed(deps: Deps, event_id: str) -> bool:
    async with deps.database.connection() as conn:
        query = "select processed_at is null from webhook_event where id = $1"
        return bool(await conn.fetchval(query, event_id))


async def test_old_processed_events_are_deleted(no_webhooks: PaymentService) -> None:
    await no_webhooks.sql(
        """insert into webhook_event (id, type, body, received_at, processed_at, due_at)
           select 'evt_prune_' || days || '_' || done, 't', '', now() - make_interval(days => days),
                  case when done then now() end, now() + interval '1 hour'
           from unnest(array[29, 31]) days, unnest(array[true, false]) done"""
    )
    await webhooks.prune(no_webhooks.deps)
    rows = await no_webhooks.sql("delete from webhook_event where id like 'evt_prune_%' returning id")
    assert sorted(row["id"] for row in rows) == ["evt_prune_29_false", "evt_prune_29_true", "evt_prune_31_false"]
