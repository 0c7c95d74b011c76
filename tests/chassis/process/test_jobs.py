"""Workers: concurrency, shutdown, and failed jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from serai.chassis.errors import Unavailable
from serai.chassis.process.jobs import Nudge, Worker


class Jobs:
    """Jobs that are due and those that are done. Each runs until `go` is set."""

    def __init__(self, due: Sequence[int] = ()) -> None:
        self.due = list(due)
        self.done: list[int] = []
        self.max_running = 0
        self._running = 0
        self.go = asyncio.Event()
        self.worker = Worker(
            "test", self.claim, self.work, concurrency=3, interval_s=60, log_fields=lambda job: {"count": job}
        )

    async def claim(self, limit: int) -> list[int]:
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def work(self, job: int) -> None:
        self._running += 1
        self.max_running = max(self.max_running, self._running)
        try:
            await self.go.wait()
            await asyncio.sleep(0)
            if job < 0:
                raise Unavailable if job == -1 else ValueError
            self.done.append(job)
        finally:
            self._running -= 1

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


async def test_runs_all_due_jobs_within_the_concurrency_limit() -> None:
    jobs = Jobs(range(10))
    jobs.go.set()
    async with jobs.running():
        await jobs.until_done(10)
    assert (sorted(jobs.done), jobs.max_running) == (list(range(10)), 3)


async def test_a_failed_job_does_not_delay_others(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs([-1, -2, 1, 2])
    jobs.go.set()
    async with jobs.running():
        await jobs.until_done(2)
    logged = [(record.levelname, record.__dict__["count"]) for record in caplog.records if record.name.endswith("jobs")]
    assert sorted(logged) == [("ERROR", -2), ("WARNING", -1)]


async def test_a_stopping_worker_finishes_running_jobs_and_claims_no_more() -> None:
    jobs = Jobs([1])
    async with jobs.running():
        while jobs.worker.active_jobs < 1:
            await asyncio.sleep(0)
        jobs.worker.stop_claiming()
        jobs.due = [2]
        jobs.worker.nudge()
        jobs.go.set()
        await jobs.until_done(1)
        for _ in range(10):
            jobs.worker.nudge()
            await asyncio.sleep(0)
    assert (jobs.done, jobs.due) == ([1], [2])


async def test_work_started_by_a_request_counts_as_a_job_and_is_cancelled_with_the_worker() -> None:
    jobs = Jobs()
    async with jobs.running():
        task = jobs.worker.start(jobs.work(7))
        await asyncio.sleep(0)
        assert jobs.worker.active_jobs == 1
    with pytest.raises(asyncio.CancelledError):
        await task
    assert jobs.worker.active_jobs == 0


async def test_a_nudge_ends_the_wait_once() -> None:
    nudge = Nudge()
    nudge()
    assert await nudge.wait(60)
    assert not await nudge.wait(0.001)
