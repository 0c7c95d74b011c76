"""A closed payment stays closed, and a payment that succeeds wins every race against closing."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from serai.payment import actions
from tests.payment.service import PaymentService, opening


async def test_a_closed_order_cannot_be_paid_any_more(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    assert await buyer.close() == "closed"
    assert await buyer.close() == "closed"
    assert (await buyer.pay()).status_code != 303
    assert await buyer.status() == "closed"
    for answer in (await buyer.again(), await buyer.confirm("pm_card_visa")):
        assert (answer.status_code, answer.json()["code"]) == (409, "order_not_payable")
    assert await buyer.events() == ["payment.closed"]
    assert not await buyer.charges()


async def test_an_order_that_never_asked_for_a_payment_gets_a_tombstone(no_webhooks: PaymentService) -> None:
    order_id = uuid4()
    for _ in range(2):
        assert (await no_webhooks.internal("POST", f"{order_id}/close")).json() == {"outcome": "closed"}
    late = await no_webhooks.open(order_id, opening())
    assert (late.status_code, late.json()["code"]) == (409, "order_not_payable")
    assert (await no_webhooks.internal("GET", str(order_id))).status_code == 404
    refund = await no_webhooks.internal("POST", f"{order_id}/refunds", {"key": "r"})
    assert (refund.status_code, refund.json()["code"]) == (409, "not_charged")


async def test_closing_a_payment_that_nobody_told_us_of_answers_succeeded(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    assert await buyer.close() == "succeeded"
    assert await buyer.events() == ["payment.succeeded"]


async def test_closing_while_the_request_is_in_the_air_ends_what_it_makes(no_webhooks: PaymentService) -> None:
    order_id = uuid4()
    await no_webhooks.fault("checkout.sessions.create", "delay", delay_ms=300)
    request = asyncio.create_task(no_webhooks.open(order_id, opening()))
    while not await no_webhooks.sql("select 1 from payment where order_id = $1", order_id):
        await asyncio.sleep(0.005)
    closed = (await no_webhooks.internal("POST", f"{order_id}/close")).json()
    await request
    assert closed == {"outcome": "closed"}
    (attempt,) = await no_webhooks.sql(
        "select session_id, a.state from attempt a join payment p on p.id = payment_id where order_id = $1", order_id
    )
    assert attempt["state"] == "ended"
    assert (await no_webhooks.deps.stripe.session(attempt["session_id"])).status == "expired"


async def test_an_order_stays_undecided_while_stripe_does_not_answer(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.fault("checkout.sessions.expire", "429", count=100)
    assert (await actions.close(no_webhooks.deps, buyer.order_id)).outcome == "unknown"
    assert (await buyer.again()).json()["code"] == "order_not_payable"
    # The page is still alive at Stripe, so the buyer may win.
    await buyer.pay()
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_faults")
    assert await buyer.close() == "succeeded"


@pytest.mark.parametrize("fault", ["execute_then_500", "execute_then_timeout"])
async def test_an_expiry_whose_answer_is_lost_is_read_from_stripe(no_webhooks: PaymentService, fault: str) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.fault("checkout.sessions.expire", fault, delay_ms=50)
    assert await buyer.close() == "closed"


@pytest.mark.parametrize("round_", range(6))
async def test_paying_and_closing_at_once_has_one_outcome_and_the_ledger_agrees(
    service: PaymentService, round_: int
) -> None:
    buyer = await service.buyer()
    pages, closings = await asyncio.gather(buyer.pay(), asyncio.gather(*(buyer.close() for _ in range(3))))
    while (outcome := await buyer.close()) == "unknown":
        await asyncio.sleep(0.01)
    charges = await buyer.charges()
    assert len(charges) == (1 if outcome == "succeeded" else 0)
    assert (pages.status_code == 303) == bool(charges)
    assert set(closings) <= {outcome, "unknown"}
    events = await buyer.events()
    assert events.count("payment.succeeded") == len(charges)
    assert events.count("payment.closed") == 1 - len(charges)


async def test_a_success_that_shows_up_after_closing_is_still_told(service: PaymentService) -> None:
    buyer = await service.buyer()
    # As if we had wrongly taken the page for dead.
    await service.sql("update attempt set state = 'ended' where payment_id = $1", UUID(buyer.payment["id"]))
    await service.sql("update payment set state = 'closed' where order_id = $1", buyer.order_id)
    await buyer.pay()
    await buyer.becomes("succeeded")
    assert await buyer.events() == ["payment.succeeded"]
    assert await buyer.close() == "succeeded"
