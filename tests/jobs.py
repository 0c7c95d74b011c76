"""Runs the jobs of a worker step by step."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from serai.chassis.process.jobs import Worker

Job = TypeVar("Job")


async def run_due_jobs(worker: Worker[Job], limit: int = 100) -> int:
    """Claim the jobs that are due, at most `limit`, and run them. Returns their number."""
    claimed = await worker.claim(limit)
    await asyncio.gather(*(worker.attempt(job) for job in claimed))
    return len(claimed)
