"""Flows under load, in a process of their own: reads what to do from stdin, says what came of it on stdout, as JSON."""

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
from tools.bench.flows import PATIENCE_S, Buyers, Guests, Ware

#: Before anything is counted, everybody is well under way; then what ends within the time counts, wherever it began.
LEAD_S = 1.0
#: What a run may take beyond its time: what was begun is finished.
GRACE_S = PATIENCE_S + 30.0
ROOT = Path(__file__).parent.parent.parent

Flow = Literal["cart", "purchase"]


class Orders(msgspec.Struct, frozen=True):
    """What the crowd is told to do."""

    gateway: str
    flow: Flow
    seconds: float
    wares: list[Ware]
    #: Access tokens of the buyers of each connection; for guests, as many empty lists.
    buyers: list[list[str]]
    seed: int


class Report(msgspec.Struct, frozen=True):
    load: Load | None = None
    failure: str | None = None


def run(orders: Orders) -> Load:
    """Send the crowd and wait for it. Raises `LoadFailed` and `NothingDone`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench.crowd"],
            input=msgspec.json.encode(orders),
            capture_output=True,
            cwd=ROOT,
            env=os.environ,
            timeout=LEAD_S + orders.seconds + GRACE_S,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the crowd did not come back") from None
    if done.returncode != 0:
        raise LoadFailed(f"the crowd ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-2000:]}")
    report = msgspec.json.decode(done.stdout, type=Report)
    if report.failure is not None:
        raise LoadFailed(report.failure)
    if report.load is None:
        raise NothingDone(f"nothing was finished within {orders.seconds:.0f} s")
    return report.load


async def _crowd(orders: Orders) -> Report:
    times: list[float] = []
    steps: dict[str, list[float]] = {}
    since = time.perf_counter() + LEAD_S
    until = since + orders.seconds

    def done(seconds: float, parts: dict[str, float]) -> None:
        if since <= time.perf_counter() <= until:
            times.append(seconds)
            for name, part in parts.items():
                steps.setdefault(name, []).append(part)

    parts = urlsplit(orders.gateway)
    assert parts.hostname == "127.0.0.1", "load stays on this machine"

    async def connection(number: int) -> None:
        gateway = Connection("127.0.0.1", parts.port or 80)
        seed = orders.seed * 1000 + number
        guests, buyers = Guests(gateway, orders.wares, seed), Buyers(gateway, orders.buyers[number], orders.wares, seed)
        try:
            while time.perf_counter() < until:
                await (guests.add(done) if orders.flow == "cart" else buyers.purchase(done))
        finally:
            buyers.close()
            gateway.close()

    failure: str | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(len(orders.buyers)):
                group.create_task(connection(number))
    except* LoadFailed as failures:
        failure = str(failures.exceptions[0])
    if failure or not times:
        return Report(failure=failure)
    summary = {name: found for name, each in steps.items() if (found := quantiles(each)) is not None}
    return Report(Load(len(times), orders.seconds, quantiles(times), summary))


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_crowd(told))))
