"""Periodic reading of attempts and refunds whose outcome no request and no webhook has brought."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime

from serai.chassis.errors import Unavailable
from serai.payment import store
from serai.payment.deps import PARKED, Deps
from serai.payment.domain import Attempt, AttemptState, Reading
from serai.payment.refunds import push
from serai.payment.settling import record, settle

log = logging.getLogger(__name__)

EVERY_S = 60.0
REFUNDS_EVERY_S = 10.0
_LIMIT = 200
_CONCURRENCY = 8


async def sweep_attempts(deps: Deps) -> None:
    """Settle the attempts that are due."""
    async with deps.database.connection() as conn:
        due = await store.claim_due_attempts(conn, _LIMIT)
        PARKED.set(await store.parked_count(conn))
    await _each(_sweep_attempt(deps, attempt) for attempt in due)


async def _sweep_attempt(deps: Deps, attempt: Attempt) -> None:
    async with deps.database.connection() as conn:
        payment = await store.payment(conn, attempt.payment_id)
    assert payment is not None
    if attempt.state is AttemptState.OPENING and attempt.expires_at < datetime.now(UTC):
        # If Stripe made a page, it has expired before the buyer got it. An intent was never confirmed.
        await record(deps, payment, attempt, Reading(AttemptState.ENDED, problem="never opened"))
    else:
        after = await settle(deps, payment, attempt)
        if after.state is not attempt.state:
            log.info("settled by the sweep", extra={"order_id": payment.order_id, "state": after.state})


async def sweep_refunds(deps: Deps) -> None:
    """Send or read the refunds that Stripe has not decided."""
    async with deps.database.connection() as conn:
        due = await store.due_refunds(conn, _LIMIT)
    await _each(push(deps, refund_id) for refund_id in due)


async def _each(work: Iterable[Awaitable[None]]) -> None:
    """Run the items, a few at a time. A failure is logged and does not stop the others; the item is due again later."""
    room = asyncio.Semaphore(_CONCURRENCY)

    async def one(item: Awaitable[None]) -> None:
        async with room:
            try:
                await item
            except Unavailable as problem:
                log.warning("postponed: %s", problem)
            except Exception:
                log.exception("sweep failed", extra={"alert": "payment_sweep_failed"})

    await asyncio.gather(*(one(item) for item in work))
