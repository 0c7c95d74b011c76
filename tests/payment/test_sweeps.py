"""The sweeps settle payments and refunds that no request and no webhook has settled."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from serai.commerce.money import Money
from serai.contracts.payment import RefundRequest
from serai.payment import refunds, sweeps
from serai.payment.deps import PARKED
from tests.jobs import run_due_jobs
from tests.payment.service import PaymentService, usd


async def make_due(service: PaymentService, payment_id: str) -> None:
    await service.sql("update attempt set check_at = now() - interval '1 day' where payment_id = $1", UUID(payment_id))


async def test_the_sweep_finds_a_payment_without_a_webhook(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    await no_webhooks.sql("update attempt set check_at = now() where payment_id = $1", buyer.payment["id"])
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    assert await buyer.status() == "succeeded"
    (row,) = await no_webhooks.sql("select check_at from attempt where payment_id = $1", buyer.payment["id"])
    assert row["check_at"] is None


async def test_the_sweep_ends_an_attempt_that_expired_without_a_session(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.sql(
        """update attempt set state = 'opening', session_id = null, url = null, check_at = now(),
                  expires_at = now() - interval '1 second' where payment_id = $1""",
        buyer.payment["id"],
    )
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    assert await buyer.close() == "closed"


async def test_an_attempt_that_is_not_due_is_not_read(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    assert await buyer.status() == "requires_payment"


async def test_one_attempt_that_fails_does_not_stop_the_others(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    tombstone, buyer = uuid4(), await no_webhooks.buyer()
    # No code writes it: an attempt of an order that was closed before it had a payment.
    await no_webhooks.sql(
        """with closed as (insert into payment (id, order_id, state, tombstone) values ($1, $1, 'closed', true)
                           returning id)
           insert into attempt (payment_id, n, kind, key, request, state, expires_at, check_at)
           select id, 1, 'session', id::text, '{}', 'open', now(), now() - interval '2 days' from closed""",
        tombstone,
    )
    await buyer.pay()
    await make_due(no_webhooks, buyer.payment["id"])
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    await no_webhooks.sql("update attempt set state = 'ended', check_at = null where payment_id = $1", tombstone)
    assert await buyer.status() == "succeeded"
    assert [record.alert for record in caplog.records if hasattr(record, "alert")] == ["payment_sweep_failed"]


async def test_an_attempt_that_stripe_does_not_answer_for_is_due_again_later(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    await make_due(no_webhooks, buyer.payment["id"])
    await no_webhooks.fault("checkout.sessions.retrieve", "429", count=100)
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    assert await buyer.status() == "requires_payment"
    assert not [record for record in caplog.records if hasattr(record, "alert")]
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_faults")
    await make_due(no_webhooks, buyer.payment["id"])
    await run_due_jobs(sweeps.attempt_sweep(no_webhooks.deps))
    assert await buyer.status() == "succeeded"


async def test_the_number_of_parked_attempts_is_shown(no_webhooks: PaymentService) -> None:
    await sweeps.count_parked(no_webhooks.deps)
    before = PARKED._value.get()
    buyer = await no_webhooks.buyer()
    await no_webhooks.sql("update attempt set state = 'parked' where payment_id = $1", UUID(buyer.payment["id"]))
    await sweeps.count_parked(no_webhooks.deps)
    assert PARKED._value.get() == before + 1


async def test_a_refund_that_was_stored_and_never_sent_is_sent_once_it_is_due(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.fault("refunds.create", "fail_500_before", count=100)
    refund = await no_webhooks.refund(buyer.payment["id"], {"amount": usd(700)})
    assert refund.json()["status"] == "pending"
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_faults")
    await no_webhooks.sql("update refund set check_at = now() + interval '1 hour' where id = $1", refund.json()["id"])
    await run_due_jobs(sweeps.refund_sweep(no_webhooks.deps))
    assert [line["type"] for line in await buyer.ledger()] == ["charge"]
    await no_webhooks.sql("update refund set check_at = now() where id = $1", refund.json()["id"])
    await run_due_jobs(sweeps.refund_sweep(no_webhooks.deps))
    assert [line["type"] for line in await buyer.ledger()] == ["charge", "refund"]


async def test_of_several_replicas_one_claims_a_due_refund(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.fault("refunds.create", "fail_500_before", count=100)
    # Requested from the replica in this process, which waits one second for Stripe.
    request = RefundRequest("stored and never sent", amount=Money(700, "USD"))
    refund = (await refunds.refund_for_service(no_webhooks.deps, buyer.order_id, request)).id
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_faults")
    await no_webhooks.sql("update refund set check_at = now() where id = $1", refund)
    replicas = [sweeps.refund_sweep(no_webhooks.deps) for _ in range(3)]
    claimed = await asyncio.gather(*(replica.claim(100) for replica in replicas))
    assert [each for each in claimed if refund in each] in ([[refund]], []), "the running service may be first"
    await no_webhooks.sql("update refund set check_at = now() where id = $1", refund)
    await run_due_jobs(replicas[0])
    assert [line["type"] for line in await buyer.ledger()] == ["charge", "refund"]


async def test_a_refund_for_which_stripe_stored_a_failure_is_not_sent_again_immediately(
    no_webhooks: PaymentService,
) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.fault("refunds.create", "execute_then_500")
    refund = UUID((await no_webhooks.refund(buyer.payment["id"], {"amount": usd(700)})).json()["id"])
    (row,) = await no_webhooks.sql(
        """select generation, check_at > now() as later, check_at < now() + interval '6 seconds' as soon
           from refund where id = $1""",
        refund,
    )
    assert dict(row) == {"generation": 2, "later": True, "soon": True}
    await no_webhooks.sql("update refund set check_at = now() where id = $1", refund)
    await run_due_jobs(sweeps.refund_sweep(no_webhooks.deps))
    assert [line["type"] for line in await buyer.ledger()] == ["charge", "refund"]
