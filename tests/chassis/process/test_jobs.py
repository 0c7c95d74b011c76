"""Workers: concurrency, shutdown, and failed jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from serai.chassis.errors import Unavailable
from serai.chassis.process.jobs import Worker
from serai.chassis.telemetry import REGISTRY


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    # Services started earlier in this process set another level.
    caplog.set_level(logging.WARNING)


class Jobs:
    """Jobs that are due and those that are done. Each runs until `go` is set."""

    def __init__(self, due: Sequence[int] = ()) -> None:
        self.due = list(due)
        self.done: list[int] = []
        self.cancelled: list[int] = []
        self.claims = 0
        self.database_available = True
        self.max_running = 0
        self._running = 0
        self.go = asyncio.Event()
        self.worker = Worker(
            "test",
            self.claim,
            self.work,
            concurrency=3,
            interval_s=60,
            log_fields=lambda job: {"count": job},
            alert="job_failed",
        )

    async def claim(self, limit: int) -> list[int]:
        self.claims += 1
        if not self.database_available:
            raise Unavailable
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
        except asyncio.CancelledError:
            # The database that records it takes a moment.
            await asyncio.sleep(0.01)
            self.cancelled.append(job)
            raise
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


async def test_a_job_that_ends_makes_room_for_the_next_one_without_a_nudge() -> None:
    jobs = Jobs(range(10))
    jobs.go.set()
    async with jobs.running():
        async with asyncio.timeout(10):
            while len(jobs.done) < 10:
                await asyncio.sleep(0)
    assert jobs.max_running == 3


async def test_a_nudge_that_finds_no_room_is_answered_when_a_job_ends() -> None:
    jobs = Jobs()
    async with jobs.running():
        for _ in range(3):
            jobs.worker.start(jobs.work(7))
        await asyncio.sleep(0)
        jobs.due = [1]
        jobs.worker.nudge()
        await asyncio.sleep(0.01)
        assert jobs.due == [1]
        jobs.go.set()
        async with asyncio.timeout(10):
            while 1 not in jobs.done:
                await asyncio.sleep(0)


async def test_a_worker_without_due_jobs_claims_only_when_nudged() -> None:
    jobs = Jobs([1])
    jobs.go.set()
    async with jobs.running():
        while jobs.done != [1]:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert jobs.claims == 1
        jobs.worker.nudge()
        for _ in range(10):
            await asyncio.sleep(0)
        assert jobs.claims == 2


async def test_running_jobs_survive_a_claim_that_finds_the_database_unavailable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs = Jobs([1])
    async with jobs.running():
        while jobs.worker.active_jobs < 1:
            await asyncio.sleep(0)
        jobs.database_available = False
        async with asyncio.timeout(10):
            while "no job claimed" not in caplog.text:
                jobs.worker.nudge()
                await asyncio.sleep(0)
        jobs.database_available = True
        jobs.due = [2]
        jobs.go.set()
        await jobs.until_done(2)
    assert sorted(jobs.done) == [1, 2]
    assert REGISTRY.get_sample_value("task_failures_total", {"task": "test"})


async def test_a_cancelled_worker_waits_until_its_jobs_have_ended() -> None:
    jobs = Jobs([1])
    async with jobs.running():
        while jobs.worker.active_jobs < 1:
            await asyncio.sleep(0)
    assert (jobs.cancelled, jobs.worker.active_jobs) == ([1], 0)


async def test_only_an_unexpected_failure_raises_the_alert(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs([-1, -2])
    jobs.go.set()
    async with jobs.running():
        while not (jobs.due == [] and jobs.worker.active_jobs == 0):
            await asyncio.sleep(0)
    assert [record.count for record in caplog.records if hasattr(record, "alert")] == [-2]  # type: ignore[attr-defined]  # from `extra`
