"""Closed-loop flows, in their own process: it reads its plan from stdin and writes the report to stdout, as JSON."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import uvloop

from tools.bench.connection import Connection
from tools.bench.figures import Load, LoadFailed, NothingDone, quantiles
from tools.bench.flows import TIMEOUT_S, Buyers, Guests, StockItem

#: Time before counting starts. Then every flow that ends within the time counts, whenever it started.
LEAD_S = 1.0
#: Extra time to finish the flows in progress.
GRACE_S = TIMEOUT_S + 30.0
ROOT = Path(__file__).parent.parent.parent

Flow = Literal["cart", "purchase"]


class Plan(msgspec.Struct, frozen=True):
    """What to run."""

    gateway: str
    flow: Flow
    seconds: float
    items: list[StockItem]
    #: Access tokens of the buyers of each connection; for guests, as many empty lists.
    buyers: list[list[str]]
    seed: int


class Report(msgspec.Struct, frozen=True):
    load: Load | None = None
    failure: str | None = None


def run(plan: Plan) -> Load:
    """Run the flows in a child process. Raises `LoadFailed` and `NothingDone`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench.closed_loop"],
            input=msgspec.json.encode(plan),
            capture_output=True,
            cwd=ROOT,
            env=os.environ,
            timeout=LEAD_S + plan.seconds + GRACE_S,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load generator did not finish") from None
    if done.returncode != 0:
        raise LoadFailed(
            f"the load generator ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-2000:]}"
        )
    report = msgspec.json.decode(done.stdout, type=Report)
    if report.failure is not None:
        raise LoadFailed(report.failure)
    if report.load is None:
        raise NothingDone(f"nothing was finished within {plan.seconds:.0f} s")
    return report.load


async def _run_flows(plan: Plan) -> Report:
    times: list[float] = []
    steps: dict[str, list[float]] = {}
    since = time.perf_counter() + LEAD_S
    until = since + plan.seconds

    def done(seconds: float, parts: dict[str, float]) -> None:
        if since <= time.perf_counter() <= until:
            times.append(seconds)
            for name, part in parts.items():
                steps.setdefault(name, []).append(part)

    parts = urlsplit(plan.gateway)
    assert parts.hostname == "127.0.0.1", "load is only sent to this machine"

    async def connection(number: int) -> None:
        gateway = Connection("127.0.0.1", parts.port or 80)
        seed = plan.seed * 1000 + number
        guests, buyers = Guests(gateway, plan.items, seed), Buyers(gateway, plan.buyers[number], plan.items, seed)
        try:
            while time.perf_counter() < until:
                await (guests.add(done) if plan.flow == "cart" else buyers.purchase(done))
        finally:
            buyers.close()
            gateway.close()

    failure: str | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(len(plan.buyers)):
                group.create_task(connection(number))
    except* LoadFailed as failures:
        failure = str(failures.exceptions[0])
    if failure or not times:
        return Report(failure=failure)
    summary = {name: found for name, values in steps.items() if (found := quantiles(values)) is not None}
    return Report(Load(len(times), plan.seconds, quantiles(times), summary))


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run_flows(plan))))
