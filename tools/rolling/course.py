"""What is done to the shop while the load runs, and what is told of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serai import topology
from tools.rolling.client import Book, Failure
from tools.rolling.load import Load
from tools.shop.system import System

#: One after another, each by `serai restart`.
EVERYTHING = (*(service.name for service in topology.SERVICES), "discovery", "gateway")
#: One of each service is enough; the others are asked at addresses that cannot change hands.
REPLICAS = ("--replicas", "discovery=2,gateway=2")
RESTART_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    seconds: float
    problem: str


class Course:
    def __init__(self, system: System, load: Load, say: Callable[[str], None]) -> None:
        self.steps: list[Step] = []
        self._system = system
        self._load = load
        self._say = say

    @property
    def book(self) -> Book:
        return self._load.book

    async def restart(self, names: Sequence[str]) -> None:
        """`serai restart` of one after another."""
        for name in names:
            self.book.chapter = self._new(f"restart {name}")
            began = time.monotonic()
            problem = await self._restart(name)
            self._tell(Step(self.book.chapter, time.monotonic() - began, problem))

    async def go_on(self, seconds: float) -> None:
        """Nothing is done to the shop."""
        self.book.chapter = self._new("nothing")
        await asyncio.sleep(seconds)
        self._tell(Step(self.book.chapter, seconds, ""))

    async def kill_a_gateway(self) -> str:
        """`kill -9` of the first gateway's agent, with which its Envoy goes; waits until it is back. Its address."""
        row = (await asyncio.to_thread(self._system.rows, "gateway"))[0]
        self.book.chapter = self._new("kill -9 gateway-1")
        began = time.monotonic()
        os.kill(row["pid"], signal.SIGKILL)
        await asyncio.to_thread(
            self._system.wait_for, "the gateway to be back", lambda: self._is_back(row["pid"]), 60.0
        )
        self._tell(Step(self.book.chapter, time.monotonic() - began, ""))
        return f"http://{row['address']}"

    def _is_back(self, killed: int) -> bool:
        return self._system.pid("gateway") != killed and self._system.is_ready()

    async def _restart(self, name: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "serai", "restart", name),
            env=self._system.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(RESTART_TIMEOUT_S):
                said, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return "" if process.returncode == 0 else said.decode(errors="replace").strip() or f"{process.returncode}"

    def _new(self, chapter: str) -> str:
        """Its name, with a number where it is done again."""
        number = 1 + sum(step.name.split(" (")[0] == chapter for step in self.steps)
        return chapter if number == 1 else f"{chapter} ({number})"

    def _tell(self, step: Step) -> None:
        self.steps.append(step)
        seen = self.book.answers.get(step.name, Counter())
        outcomes = "  ".join(f"{count} × {outcome}" for outcome, count in sorted(seen.items()))
        slowest_s, request = self.book.slowest.get(step.name, (0.0, ""))
        self._say(
            f"  {step.name:<22}{step.seconds:5.1f} s   {outcomes or 'no answers':<36}{slowest_s:5.2f} s {request}"
        )
        if step.problem:
            self._say(f"    FAILED: {step.problem}")


def verdict(course: Course, failures: Sequence[Failure]) -> list[str]:
    """Everything that is wrong with a course; nothing is the aim."""
    book = course.book
    found = [f"{step.name}: {step.problem}" for step in course.steps if step.problem]
    found += [str(failure) for failure in failures]
    found += [f"{step.name}: nobody was in the shop" for step in course.steps if step.name not in book.answers]
    if book.purchases["paid"] != book.purchases["placed"] or not book.purchases["paid"]:
        found.append(f"{book.purchases['placed']} orders were placed and {book.purchases['paid']} paid")
    return found
