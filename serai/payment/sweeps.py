"""What nobody told us: rounds over attempts and refunds whose outcome is due."""

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
from serai.payment.settling import hold, settle

log = logging.getLogger(__name__)

EVERY_S = 60.0
REFUNDS_EVERY_S = 10.0
_LIMIT = 200
_AT_ONCE = 8


async def sweep_attempts(deps: Deps) -> None:
    """Ask Stripe about attempts that should have been heard of."""
    async with deps.database.connection() as conn:
        due = await store.claim_due_attempts(conn, _LIMIT)
        PARKED.set(await store.parked_count(conn))
    await _each(_sweep_attempt(deps, attempt) for attempt in due)


async def _sweep_attempt(deps: Deps, attempt: Attempt) -> None:
    async with deps.database.connection() as conn:
        payment = await store.payment(conn, attempt.payment_id)
    assert payment is not None
    if attempt.state is AttemptState.OPENING and attempt.expires_at < datetime.now(UTC):
        # Its page, if Stripe made one, has expired unseen; an intent was never confirmed.
        await hold(deps, payment, attempt, Reading(AttemptState.ENDED, problem="never opened"))
    else:
        after = await settle(deps, payment, attempt)
        if after.state is not attempt.state:
            log.info("settled by the sweep", extra={"order_id": payment.order_id, "state": after.state})


async def sweep_refunds(deps: Deps) -> None:
    """Go on with refunds that Stripe has not decided."""
    async with deps.database.connection() as conn:
        due = await store.due_refunds(conn, _LIMIT)
    await _each(push(deps, refund_id) for refund_id in due)


async def _each(work: Iterable[Awaitable[None]]) -> None:
    """A few at a time; one that fails is tried again in a later round and keeps nobody else waiting."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Awaitable[None]) -> None:
        async with room:
            try:
                await item
            except Unavailable as problem:
                log.warning("put off: %s", problem)
            except Exception:
                log.exception("sweep failed", extra={"alert": "payment_sweep_failed"})

    await asyncio.gather(*(one(item) for item in work))
