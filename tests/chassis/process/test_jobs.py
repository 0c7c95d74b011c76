"""Workers: how many jobs they take, how they leave, and what becomes of a job that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from serai.chassis.errors import Unavailable
from serai.chassis.process.jobs import Nudge, Worker, backoff_s, each


class Jobs:
    """Jobs that wait to be claimed, and those that were done; each takes until `go` is set."""

    def __init__(self, due: Sequence[int] = ()) -> None:
        self.due = list(due)
        self.done: list[int] = []
        self.most_at_once = 0
        self._at_once = 0
        self.go = asyncio.Event()
        self.worker = Worker("test", self.claim, self.work, at_once=3, every_s=60, about=lambda job: {"count": job})

    async def claim(self, limit: int) -> list[int]:
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def work(self, job: int) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.go.wait()
            await asyncio.sleep(0)
            if job < 0:
                raise Unavailable if job == -1 else ValueError
            self.done.append(job)
        finally:
            self._at_once -= 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        run = asyncio.create_task(self.worker.run())
        yield
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    async def until_done(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.done) < count:
                await asyncio.sleep(0)
                self.worker.nudge()


async def test_does_all_that_is_due_and_never_more_at_once_than_it_may() -> None:
    jobs = Jobs(range(10))
    jobs.go.set()
    async with jobs.running():
        await jobs.until_done(10)
    assert (sorted(jobs.done), jobs.most_at_once) == (list(range(10)), 3)


async def test_a_job_that_fails_keeps_no_other_waiting(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs([-1, -2, 1, 2])
    jobs.go.set()
    async with jobs.running():
        await jobs.until_done(2)
    told = [(record.levelname, record.__dict__["count"]) for record in caplog.records if record.name.endswith("jobs")]
    assert sorted(told) == [("ERROR", -2), ("WARNING", -1)]


async def test_one_that_leaves_finishes_what_it_has_begun_and_claims_nothing_more() -> None:
    jobs = Jobs([1])
    async with jobs.running():
        while jobs.worker.in_hand < 1:
            await asyncio.sleep(0)
        jobs.worker.leave()
        jobs.due = [2]
        jobs.worker.nudge()
        jobs.go.set()
        await jobs.until_done(1)
        for _ in range(10):
            jobs.worker.nudge()
            await asyncio.sleep(0)
    assert (jobs.done, jobs.due) == ([1], [2])


async def test_what_a_request_has_it_do_counts_as_a_job_and_ends_with_it() -> None:
    jobs = Jobs()
    async with jobs.running():
        task = jobs.worker.start(jobs.work(7))
        await asyncio.sleep(0)
        assert jobs.worker.in_hand == 1
    with pytest.raises(asyncio.CancelledError):
        await task
    assert jobs.worker.in_hand == 0


async def test_a_nudge_ends_the_wait_once() -> None:
    nudge = Nudge()
    nudge()
    assert await nudge.wait(60)
    assert not await nudge.wait(0.001)


async def test_of_many_a_few_are_done_at_a_time_and_failures_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs()
    jobs.go.set()
    await each("sweep", (jobs.work(n) for n in (-1, -2, *range(10))), at_once=4)
    assert (sorted(jobs.done), jobs.most_at_once <= 4) == (list(range(10)), True)
    assert [record.__dict__.get("alert") for record in caplog.records] == [None, "sweep_failed"]


def test_pauses_double_up_to_their_bound() -> None:
    assert [backoff_s(n, first_s=0.5, most_s=3) for n in (1, 2, 3, 4, 1000)] == [0.5, 1, 2, 3, 3]
