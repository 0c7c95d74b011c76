"""The checkout saga: it moves an order to its next resting state, one committed step at a time.

A driver holds the saga's lease and writes only if version and epoch are still the ones it has read. A driver that was
frozen past its lease therefore writes nothing when it wakes up. The result of a step (`steps.py`) is saved before
anything happens that cannot be repeated.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

from prometheus_client import Gauge, Histogram

from serai.chassis import telemetry
from serai.chassis.data.database import Database, DatabaseUnavailable
from serai.chassis.data.feed import Feed
from serai.chassis.errors import Problem, Unavailable
from serai.chassis.process.jobs import Worker
from serai.order.checkout import domain, store
from serai.order.checkout.domain import RESTING, Saga, State
from serai.order.checkout.steps import Step, Steps, rejecting
from serai.order.orders.metrics import ORDERS
from serai.order.orders.store import StatusUpdate

log = logging.getLogger(__name__)

#: Sagas that one process drives at the same time.
_MAX_RUNNING = 16
#: How often a worker looks for due sagas without being nudged.
_TICK_S = 0.25

#: How often a request checks whether another worker has brought its saga to a resting state.
_POLL_S = 0.1

STEP_SECONDS = Histogram(
    "checkout_step_duration_seconds",
    "Time of one step of the checkout saga, its calls and its commit.",
    ["state"],
    registry=telemetry.REGISTRY,
)

SAGA_AGE = Gauge(
    "checkout_saga_age_seconds",
    "Age of the oldest saga in a state it should leave.",
    ["state"],
    registry=telemetry.REGISTRY,
)

SAGAS = Gauge("checkout_sagas", "Sagas in a state that is not final.", ["state"], registry=telemetry.REGISTRY)


class CheckoutFailed(Unavailable):
    """A service that the checkout needs did not answer for too long."""

    code, detail = "checkout_failed", "The order could not be placed because a part of the shop did not respond."


class CheckoutSaga:
    """Drives sagas. There is one in each process, and any number of processes."""

    def __init__(self, db: Database, feed: Feed, steps: Steps, *, save_pause_s: float = 0.2) -> None:
        """`save_pause_s` is the pause before a second attempt at a commit whose outcome is unknown; each further pause
        is twice as long."""
        self._save_pause_s = save_pause_s
        self._db = db
        self._feed = feed
        self._steps = steps
        self.worker = Worker(
            "checkout",
            self._claim,
            self.drive,
            concurrency=_MAX_RUNNING,
            interval_s=_TICK_S,
            log_fields=lambda saga: {"order_id": saga.order_id, "state": saga.state},
            traceparent=lambda saga: saga.context.traceparent,
        )

    def nudge(self) -> None:
        """Look for due sagas now instead of at the next tick."""
        self.worker.nudge()
        self._feed.nudge()

    async def _claim(self, limit: int) -> list[Saga]:
        async with self._db.connection() as conn:
            return await store.claim_due(conn, limit)

    async def drive(self, saga: Saga) -> Saga | None:
        """Run `saga` until it rests or must wait. None when another driver has taken it over."""
        while True:
            started = time.perf_counter()
            try:
                step = await self._steps.take(saga)
            except Exception as error:
                step = self._failed(saga, error)
            saved = await self._save(saga, step)
            STEP_SECONDS.labels(saga.state).observe(time.perf_counter() - started)
            if saved is None:
                return None
            if saved.state in RESTING or saved.attempts:
                return saved
            saga = saved

    async def drive_within(self, saga: Saga, seconds: float) -> Saga | None:
        """Drive `saga` until it rests, retrying failed steps. Returns None after `seconds`; a worker then continues."""
        task = self.worker.start(self._until_rest(saga, time.monotonic() + seconds))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return task.result() if done else None

    async def _until_rest(self, saga: Saga, deadline: float) -> Saga | None:
        driven = await self.drive(saga)
        while driven is None or driven.state not in RESTING:
            pause = _POLL_S if driven is None else domain.retry_pause_s(driven.attempts)
            if time.monotonic() + pause > deadline:
                return None
            await asyncio.sleep(pause)
            async with self._db.connection() as conn:
                claimed = await store.claim(conn, saga.order_id)
                driven = None if claimed else await store.saga(conn, saga.order_id)
            if claimed is not None:
                driven = await self.drive(claimed)
            elif driven is not None and driven.state not in RESTING:
                driven = None
        return driven

    def _failed(self, saga: Saga, error: Exception) -> Step:
        """The step after `error`: another attempt later, or undoing the checkout where it may give up."""
        now = datetime.now(UTC)
        transient = isinstance(error, (Unavailable, TimeoutError, OSError)) or not isinstance(error, Problem)
        extra = {"order_id": saga.order_id, "state": saga.state, "attempt": saga.attempts + 1}
        if transient and not isinstance(error, Unavailable):
            log.error("step failed", exc_info=error, extra=extra)
        else:
            log.warning("step failed: %s", error, extra=extra)
        may_give_up = saga.state in domain.GIVE_UP_AFTER
        if may_give_up and (not transient or domain.gives_up(saga, now)):
            return rejecting(saga, error if isinstance(error, Problem) and not transient else CheckoutFailed())
        if now - saga.since > domain.ALERT_AFTER:
            log.error("saga is stuck", extra={**extra, "alert": "stuck_saga"})
        return Step(replace(saga, attempts=saga.attempts + 1))

    async def _save(self, old: Saga, step: Step) -> Saga | None:
        """Commit a step. When the outcome of the commit is unknown, read what the database has and continue from there.

        Returns None when another driver has taken the saga over."""
        for attempt in range(6):
            try:
                return await self._commit(old, step)
            except DatabaseUnavailable:
                await asyncio.sleep(self._save_pause_s * 2**attempt)
                current = await self._read_again(old)
                if current is None or current.version != old.version:
                    return current
        return None

    async def _commit(self, old: Saga, step: Step) -> Saga | None:
        new = step.saga
        steps = () if new.state == old.state else (*step.passed, (new.state, None))
        if new.attempts:
            due = store.Due(run_in_s=domain.retry_pause_s(new.attempts) * random.uniform(0.5, 1.0))
        elif new.state in RESTING:
            due = store.Due(run_at=step.run_at)
        else:
            due = store.Due(leased=True)
        # A single statement is its own transaction.
        scope = self._db.connection() if step.write is None else self._db.transaction()
        async with scope as conn:
            saved = await store.save_saga(conn, old, new, due, steps=steps, order=step.order)
            if saved is None:
                log.info("fenced off", extra={"order_id": old.order_id, "state": old.state})
            elif step.write is not None:
                await step.write(conn)
        if saved is not None and isinstance(step.order, StatusUpdate):
            ORDERS.labels(step.order.statuses[-1]).inc()
        if saved is not None and (step.write is not None or step.order is not None):
            self._feed.nudge()
        return saved

    async def _read_again(self, saga: Saga) -> Saga | None:
        try:
            async with self._db.connection() as conn:
                return await store.saga_in_epoch(conn, saga)
        except DatabaseUnavailable:
            return saga

    async def measure(self) -> None:
        """Export how many sagas are in each state and the age of the oldest, for operators."""
        async with self._db.connection() as conn:
            counts = await store.saga_counts(conn)
        SAGAS.clear()
        SAGA_AGE.clear()
        for state, count, age in counts:
            SAGAS.labels(state).set(count)
            if state != State.AWAITING_PAYMENT:
                SAGA_AGE.labels(state).set(age)
