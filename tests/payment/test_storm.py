"""Buyers, closings, refunds and faults of Stripe at the same time. Afterwards Stripe's ledger and the rows agree."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import httpx
import pytest

from serai.payment import sweeps, webhooks
from tests.jobs import run_due_jobs
from tests.payment.service import Buyer, PaymentService, eventually, usd

AMOUNT = 5000
FAULTS = (
    ("checkout.sessions.create", "execute_then_500"),
    ("checkout.sessions.create", "execute_then_timeout"),
    ("checkout.sessions.expire", "execute_then_500"),
    ("checkout.sessions.expire", "execute_then_timeout"),
    ("checkout.sessions.retrieve", "fail_500_before"),
    ("payment_intents.create", "execute_then_500"),
    ("payment_intents.confirm", "execute_then_500"),
    ("payment_intents.confirm", "execute_then_timeout"),
    ("payment_intents.cancel", "execute_then_500"),
    ("refunds.create", "execute_then_500"),
    ("refunds.create", "execute_then_timeout"),
    ("*", "409"),
    ("*", "429"),
    ("webhook", "drop"),
    ("webhook", "duplicate"),
    ("webhook", "reorder"),
)


@pytest.mark.parametrize("seed", [1])
async def test_however_it_storms_the_ledger_and_the_journal_agree(service: PaymentService, seed: int) -> None:
    dice = random.Random(seed)
    for operation, fault in dice.choices(FAULTS, k=40):
        await service.fault(operation, fault, **({"delay_ms": 30} if "timeout" in fault else {}))
    buyers = await asyncio.gather(*(_opened(service) for _ in range(12)))
    await asyncio.gather(*(_lives(service, buyer, random.Random(seed * 1000 + n)) for n, buyer in enumerate(buyers)))
    await service.web.delete(f"{service.sandbox.api}/_faults")
    for buyer in buyers:
        await _decided(buyer)
    await _calm(service)
    for buyer in buyers:
        ledger = await buyer.ledger()
        charged = [line["amount"] for line in ledger if line["type"] == "charge"]
        refunds = [line["amount"] for line in ledger if line["type"] == "refund"]
        events = await buyer.events()
        assert charged == [AMOUNT] * events.count("payment.succeeded")
        assert len(charged) + events.count("payment.closed") == 1
        assert sum(refunds) <= sum(charged)
        assert len(refunds) == events.count("payment.refund_created") == events.count("payment.refund_succeeded")
        state = await service.internal("GET", str(buyer.order_id))
        assert state.json()["refunded"] == usd(sum(refunds))


async def _opened(service: PaymentService) -> Buyer:
    async def opened() -> Buyer | None:
        try:
            return await service.buyer(AMOUNT)
        except AssertionError:
            return None

    return await eventually(opened)


async def _lives(service: PaymentService, buyer: Buyer, dice: random.Random) -> None:
    """One buyer's hectic hour; what is answered does not matter."""
    deeds: list[Callable[[], Awaitable[object]]] = [
        buyer.pay,
        buyer.confirm,
        buyer.again,
        lambda: buyer.confirm("pm_card_visa"),
        lambda: buyer.confirm("pm_card_chargeDeclined"),
        lambda: service.refund(buyer.payment["id"], {"amount": usd(dice.randint(1, AMOUNT))}),
        lambda: service.internal("POST", f"{buyer.order_id}/refunds", {"key": "once"}),
        lambda: service.internal("POST", f"{buyer.order_id}/close"),
    ]
    for _ in range(3):
        chosen = dice.choices(deeds, weights=[4, 2, 2, 2, 1, 2, 1, 1], k=3)
        for answer in await asyncio.gather(*(deed() for deed in chosen)):
            assert isinstance(answer, httpx.Response)
            assert answer.status_code in (200, 201, 303, 402, 404, 409, 410, 503), answer.text


async def _decided(buyer: Buyer) -> None:
    async def decided() -> bool:
        return await buyer.close() != "unknown"

    await eventually(decided)


async def _calm(service: PaymentService) -> None:
    """What a quiet hour would bring."""
    await service.sql("update event_sweep set lease_until = now()")
    await webhooks.sweep_events(service.deps)

    async def nothing_open() -> bool:
        await service.sql("update webhook_event set due_at = now() where processed_at is null")
        worker = webhooks.WebhookWorker(service.deps)
        await run_due_jobs(worker)
        await worker.mark_processed()
        await service.sql("update refund set check_at = now() where state in ('created', 'pending')")
        await run_due_jobs(sweeps.refund_sweep(service.deps))
        left = await service.sql(
            """select 1 from refund where state in ('created', 'pending')
               union all select 1 from webhook_event where processed_at is null"""
        )
        return not left

    await eventually(nothing_open, within_s=20)
