"""Workers that read attempts and refunds whose outcome no request and no webhook has brought."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from serai.chassis.process.jobs import Worker
from serai.payment import refund_store, store
from serai.payment.deps import PARKED, Deps
from serai.payment.domain import Attempt, AttemptState, Reading
from serai.payment.refunds import push
from serai.payment.settling import record, settle

log = logging.getLogger(__name__)

ATTEMPTS_EVERY_S = 60.0
REFUNDS_EVERY_S = 10.0
#: Calls to Stripe that one worker makes at a time.
_CONCURRENCY = 8
_ALERT = "payment_sweep_failed"


def attempt_sweep(deps: Deps) -> Worker[Attempt]:
    """Settles the attempts that are due."""

    async def claim(limit: int) -> Sequence[Attempt]:
        async with deps.database.connection() as conn:
            return await store.claim_due_attempts(conn, limit)

    return Worker(
        "sweep-attempts",
        claim,
        partial(_settle_due, deps),
        concurrency=_CONCURRENCY,
        interval_s=ATTEMPTS_EVERY_S,
        log_fields=lambda attempt: {"payment_id": attempt.payment_id, "attempt": attempt.n},
        alert=_ALERT,
    )


async def _settle_due(deps: Deps, attempt: Attempt) -> None:
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


def refund_sweep(deps: Deps) -> Worker[UUID]:
    """Sends or reads the refunds that Stripe has not decided."""

    async def claim(limit: int) -> Sequence[UUID]:
        async with deps.database.connection() as conn:
            return await refund_store.claim_due_refunds(conn, limit)

    return Worker(
        "sweep-refunds",
        claim,
        partial(push, deps),
        concurrency=_CONCURRENCY,
        interval_s=REFUNDS_EVERY_S,
        log_fields=lambda refund_id: {"refund_id": refund_id},
        alert=_ALERT,
    )


async def count_parked(deps: Deps) -> None:
    """Export the number of parked attempts, for operators."""
    async with deps.database.connection() as conn:
        PARKED.set(await store.parked_count(conn))
