"""Background jobs: they are claimed in the database, run with bounded concurrency and retried later.

What a job is, when it is due and who holds its lease is decided by the statement that claims it. Each kind of job has
its own fencing. This module holds what all kinds share: polling, the concurrency limit, the early wake-up, and shutdown
without dropped jobs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar

from serai.chassis import telemetry, tracing
from serai.chassis.errors import Unavailable
from serai.chassis.nudge import Nudge

log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")


class Worker(Generic[Job]):
    """Claims due jobs and runs at most `concurrency` of them at a time. Never ends by itself."""

    def __init__(
        self,
        name: str,
        claim: Callable[[int], Awaitable[Sequence[Job]]],
        work: Callable[[Job], Awaitable[object]],
        *,
        concurrency: int,
        interval_s: float,
        log_fields: Callable[[Job], Mapping[str, object]] = lambda _: {},
        traceparent: Callable[[Job], str | None] = lambda _: None,
        alert: str | None = None,
    ) -> None:
        """`claim(n)` takes at most `n` due jobs, so that no other call returns them until their lease expires. It is
        called every `interval_s` seconds, and without that wait after a nudge, and while it returns as many as it
        could. When a job raises, the error is logged with the fields that `log_fields` gives, and the job waits until
        its lease expires. A job belongs to the trace of its `traceparent`, if it has one. `alert` is the alert that
        such a log entry raises, unless the error is `Unavailable`."""
        self.name = name
        self.claim = claim
        self.nudge = Nudge()
        self._work = work
        self._concurrency = concurrency
        self._interval_s = interval_s
        self._log_fields = log_fields
        self._traceparent = traceparent
        self._alert = {} if alert is None else {"alert": alert}
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False
        #: Whether jobs may be due that were not claimed for want of room.
        self._more_due = False

    def stop_claiming(self) -> None:
        """Finish the running jobs and claim no more. A job that is cancelled instead waits until its lease expires."""
        self._stopping = True

    @property
    def active_jobs(self) -> int:
        """The number of running jobs."""
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run `work` beside the claimed jobs. It counts towards the limit."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if self._more_due:
            self.nudge()

    async def run(self) -> None:
        """Raises what `claim` raises except `Unavailable`, which running jobs survive. The caller then runs it
        again."""
        try:
            while True:
                await self._claim_and_start()
                if not self._more_due or len(self._running) >= self._concurrency:
                    self._more_due |= await self.nudge.wait(self._interval_s)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _claim_and_start(self) -> None:
        room = self._concurrency - len(self._running)
        if room <= 0 and not self._stopping:
            return
        claimed: Sequence[Job] = []
        if not self._stopping:
            try:
                claimed = await self.claim(room)
            except Unavailable as problem:
                telemetry.TASK_FAILURES.labels(self.name).inc()
                log.warning("no job claimed: %s", problem, extra={"task": self.name})
        self._more_due = bool(claimed) and len(claimed) >= room
        for job in claimed:
            self.start(self.attempt(job))

    async def attempt(self, job: Job) -> None:
        """Run a claimed job. Logs its error."""
        with tracing.span("job", self.name, self._traceparent(job)) as span:
            span.failed = not await self._succeeds(job)

    async def _succeeds(self, job: Job) -> bool:
        try:
            await self._work(job)
        except Unavailable as problem:
            log.warning(
                "job failed; it is retried when its lease expires: %s",
                problem,
                extra={"task": self.name, **self._log_fields(job)},
            )
        except Exception:
            log.exception(
                "job failed; it is retried when its lease expires",
                extra={"task": self.name, **self._log_fields(job), **self._alert},
            )
        else:
            return True
        return False
