"""Background jobs: they are claimed in the database, run with bounded concurrency and retried later.

What a job is, when it is due and who holds its lease is decided by the statement that claims it. Each kind of job has
its own fencing. This module holds what all kinds share: polling, the concurrency limit, the early wake-up, and shutdown
without dropped jobs.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from serai.chassis.errors import Unavailable

log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")


class Nudge:
    """A timer that can be ended early when something is known to be due."""

    def __init__(self) -> None:
        self._set = asyncio.Event()

    def __call__(self) -> None:
        self._set.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for `seconds`, plus or minus 20 % so that replicas spread, or until a nudge. Returns whether there was
        one."""
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):
                await self._set.wait()
        nudged = self._set.is_set()
        self._set.clear()
        return nudged


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
    ) -> None:
        """`claim(n)` takes at most `n` due jobs. It is called every `interval_s` seconds, and immediately after a nudge
        or when it returned as many as it could. When a job raises, the error is logged with the fields that
        `log_fields` gives, and the job waits until its lease expires."""
        self._name = name
        self._claim = claim
        self._work = work
        self._at_once = concurrency
        self._every_s = interval_s
        self._about = log_fields
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self.nudge = Nudge()

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
        task.add_done_callback(self._running.discard)
        return task

    async def run(self) -> None:
        """Raises what `claim` raises. The caller then runs it again."""
        try:
            while True:
                room = 0 if self._stopping else self._at_once - len(self._running)
                claimed = await self._claim(room) if room > 0 else []
                for job in claimed:
                    self.start(self._attempt(job))
                if len(claimed) < max(room, 1):
                    await self.nudge.wait(self._every_s)
        finally:
            for task in self._running:
                task.cancel()

    async def _attempt(self, job: Job) -> None:
        try:
            await self._work(job)
        except Unavailable as problem:
            log.warning(
                "job failed; it is retried when its lease expires: %s",
                problem,
                extra={"task": self._name, **self._about(job)},
            )
        except Exception:
            log.exception(
                "job failed; it is retried when its lease expires", extra={"task": self._name, **self._about(job)}
            )
