"""What happens to the shop while the load runs, and the report of it."""

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
from tools.rolling.client import Failure, Statistics
from tools.rolling.load import Load
from tools.shop.system import System

#: Restarted one after another with `serai restart`.
ALL_PROCESSES = (*(service.name for service in topology.SERVICES), "discovery", "gateway")
#: One instance of each service is enough; discovery and gateways have fixed addresses and need two.
REPLICAS = ("--replicas", "discovery=2,gateway=2")
RESTART_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    seconds: float
    problem: str


class Scenario:
    def __init__(self, system: System, load: Load, print_line: Callable[[str], None]) -> None:
        self.steps: list[Step] = []
        self._system = system
        self._load = load
        self._say = print_line

    @property
    def statistics(self) -> Statistics:
        return self._load.statistics

    async def restart(self, names: Sequence[str]) -> None:
        """Run `serai restart` for each name."""
        for name in names:
            self.statistics.step = self._unique_name(f"restart {name}")
            began = time.monotonic()
            problem = await self._restart(name)
            self._report(Step(self.statistics.step, time.monotonic() - began, problem))

    async def run_undisturbed(self, seconds: float) -> None:
        """Run the load without disturbing the shop."""
        self.statistics.step = self._unique_name("nothing")
        await asyncio.sleep(seconds)
        self._report(Step(self.statistics.step, seconds, ""))

    async def kill_a_gateway(self) -> str:
        """`kill -9` of the first gateway's agent, which also ends its Envoy. Waits until it is back, and returns its
        address."""
        row = (await asyncio.to_thread(self._system.rows, "gateway"))[0]
        self.statistics.step = self._unique_name("kill -9 gateway-1")
        began = time.monotonic()
        os.kill(row["pid"], signal.SIGKILL)
        await asyncio.to_thread(
            self._system.wait_for, "the gateway to be back", lambda: self._is_back(row["pid"]), 60.0
        )
        self._report(Step(self.statistics.step, time.monotonic() - began, ""))
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
                output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return "" if process.returncode == 0 else output.decode(errors="replace").strip() or f"{process.returncode}"

    def _unique_name(self, name: str) -> str:
        """The name with a number if the step is repeated."""
        number = 1 + sum(step.name.split(" (")[0] == name for step in self.steps)
        return name if number == 1 else f"{name} ({number})"

    def _report(self, step: Step) -> None:
        self.steps.append(step)
        counts = self.statistics.answers.get(step.name, Counter())
        outcomes = "  ".join(f"{count} × {outcome}" for outcome, count in sorted(counts.items()))
        slowest_s, request = self.statistics.slowest.get(step.name, (0.0, ""))
        self._say(
            f"  {step.name:<22}{step.seconds:5.1f} s   {outcomes or 'no answers':<36}{slowest_s:5.2f} s {request}"
        )
        if step.problem:
            self._say(f"    FAILED: {step.problem}")


def problems_of(scenario: Scenario, failures: Sequence[Failure]) -> list[str]:
    """All problems of a scenario; empty on success."""
    statistics = scenario.statistics
    found = [f"{step.name}: {step.problem}" for step in scenario.steps if step.problem]
    found += [str(failure) for failure in failures]
    found += [
        f"{step.name}: no client sent a request" for step in scenario.steps if step.name not in statistics.answers
    ]
    if statistics.purchases["paid"] != statistics.purchases["placed"] or not statistics.purchases["paid"]:
        found.append(f"{statistics.purchases['placed']} orders were placed and {statistics.purchases['paid']} paid")
    return found
