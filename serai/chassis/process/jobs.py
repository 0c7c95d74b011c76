"""Work beside requests: jobs that are claimed in the database, done a bounded number at a time and tried again later.

What a job is, when it is due and who holds its lease is a matter of the statement that claims it; each kind of job has
its own fence. This is what all of them share: the rounds, the bound, the nudge, leaving without dropping anything.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from serai.chassis.errors import Unavailable

log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")


class Nudge:
    """A timer that can be set off early, because something is known to be due."""

    def __init__(self) -> None:
        self._set = asyncio.Event()

    def __call__(self) -> None:
        self._set.set()

    async def wait(self, seconds: float) -> bool:
        """Returns after `seconds`, give or take a fifth so that replicas spread, or at once when nudged: True then."""
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):
                await self._set.wait()
        nudged = self._set.is_set()
        self._set.clear()
        return nudged


class Worker(Generic[Job]):
    """Claims jobs that are due and does at most `at_once` of them at a time, for ever."""

    def __init__(
        self,
        name: str,
        claim: Callable[[int], Awaitable[Sequence[Job]]],
        work: Callable[[Job], Awaitable[object]],
        *,
        at_once: int,
        every_s: float,
        about: Callable[[Job], Mapping[str, object]] = lambda _: {},
    ) -> None:
        """`claim(n)` takes at most `n` jobs that are due; it is asked every `every_s` seconds, and at once after a
        nudge or when it gave as many as it could. A job that raises is left to its lease, and logged with the
        fields that `about` gives."""
        self._name = name
        self._claim = claim
        self._work = work
        self._at_once = at_once
        self._every_s = every_s
        self._about = about
        self._running: set[asyncio.Task[Any]] = set()
        self._leaving = False
        self.nudge = Nudge()

    def leave(self) -> None:
        """Finish what has begun and claim nothing more: a job that is dropped waits until its lease ends."""
        self._leaving = True

    @property
    def in_hand(self) -> int:
        """How many jobs are being done."""
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Do `work` beside the claimed jobs; it counts as one of them."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def run(self) -> None:
        """Raises what `claim` raises; whoever runs this starts it again."""
        try:
            while True:
                room = 0 if self._leaving else self._at_once - len(self._running)
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
            log.warning("job left to its lease: %s", problem, extra={"task": self._name, **self._about(job)})
        except Exception:
            log.exception("job left to its lease", extra={"task": self._name, **self._about(job)})


async def each(name: str, work: Iterable[Awaitable[object]], *, at_once: int) -> None:
    """Do all of `work`, a few at a time. What fails is logged, and keeps nothing else waiting."""
    room = asyncio.Semaphore(at_once)

    async def one(item: Awaitable[object]) -> None:
        async with room:
            try:
                await item
            except Unavailable as problem:
                log.warning("put off: %s", problem, extra={"task": name})
            except Exception:
                log.exception("failed", extra={"task": name, "alert": f"{name}_failed"})

    await asyncio.gather(*(one(item) for item in work))


def backoff_s(attempts: int, *, first_s: float, most_s: float) -> float:
    """Seconds before the next try after `attempts` that failed: twice as long each time, without jitter."""
    return min(first_s * 2.0 ** min(attempts - 1, 32), most_s)
