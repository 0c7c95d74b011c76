"""One target after the other under load, and everything that is known about the shop meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import msgspec
import psutil

from tools.bench import profiling, targets
from tools.bench.figures import LoadFailed, NothingDone, Result, Run
from tools.bench.fill import fill
from tools.bench.goods import good
from tools.bench.limits import Limits
from tools.bench.meter import Memory, Meter, Parts, memory
from tools.bench.options import Options
from tools.bench.shop import Checkout, Shop, Startup, running
from tools.bench.targets import Target

NOTICED_TIMEOUT_S = 15.0
#: A shop is at rest when all of it together uses less than this share of a core, half of which it always uses; it gets
#: so long to come to that.
AT_REST_CORES = 0.15
REST_TIMEOUT_S = 180.0
CHECKPOINT_TIMEOUT_S = 300.0


class Restart(msgspec.Struct, frozen=True):
    stop_s: float
    start: Startup


class Size(msgspec.Struct, frozen=True):
    """All that was measured with so many products."""

    products: int
    fill_s: float
    #: How long it went on with what it does by itself after that: it reads products ahead.
    rest_s: float
    #: The first start of an installation: the database is made, migrated, and the demo data goes in.
    first_start: Startup
    #: The same installation stopped and started once more.
    restart: Restart | None
    results: list[Result]
    memory_after: dict[str, Memory]


def measure_size(products: int, options: Options, folder: Path, keep: Path) -> tuple[Size, list[Result]]:
    """A fresh shop, filled and put under load; and the limits, when they are asked for here."""
    say(f"\nA shop with {products:,} products")
    with running(Checkout(), folder) as (shop, first_start):
        say(f"  ready after {first_start.seconds:.1f} s")
        limits = measure_limits(shop, options, folder) if "limits" in options.only else []
        fill_s, rest_s = fill_shop(shop, products)
        say(f"  filled in {fill_s:.1f} s, at rest {rest_s:.0f} s later")
        results = []
        for target in targets.of(shop, products, options.names(), folder, options.connections):
            result = measure(target, shop.parts, options)
            results.append(result)
            if options.profile and result.failure is None:
                profiling.record(target, shop.parts, result, options, keep / f"{products}-{target.name}", say)
        after = memory(shop.parts())
        restart = None
        if "startup" in options.only:
            restart = Restart(round(shop.stop(), 2), shop.start())
            say(f"  stopped in {restart.stop_s:.1f} s, ready again after {restart.start.seconds:.1f} s")
        return Size(products, round(fill_s, 2), round(rest_s, 1), first_start, restart, results, after), limits


def measure_limits(shop: Shop, options: Options, folder: Path) -> list[Result]:
    limits = Limits(shop, folder, options.connections)
    with limits.targets() as found:
        return [measure(target, limits.parts, options) for target in found]


def measure(target: Target, parts: Callable[[], Parts], options: Options) -> Result:
    """Warm up, then every run; a failure ends it and is part of the result."""
    runs: list[Run] = []
    try:
        warm_up(target, options)
        for turn in range(1, options.runs + 1):
            runs.append(measure_run(target, parts, options.seconds, turn))
    except LoadFailed as problem:
        say(f"  {target.name:<11} FAILED: {problem}")
        return Result(target.name, runs, str(problem))
    result = Result(target.name, runs)
    say(f"  {target.name:<11} {result.rate():>9,.0f}/s")
    return result


def warm_up(target: Target, options: Options) -> None:
    """Raises `LoadFailed`; that nothing is finished within a short warm-up is no failure."""
    with suppress(NothingDone):
        target.run(options.warm_up, 0)


def measure_run(target: Target, parts: Callable[[], Parts], seconds: float, turn: int) -> Run:
    """Raises `LoadFailed`."""
    meter = Meter(parts, target.client)
    meter.start()
    load = target.run(seconds, turn)
    return Run(load, meter.stop())


def fill_shop(shop: Shop, products: int) -> tuple[float, float]:
    """Fill it, see that it has noticed, and get the writing over with; then wait until it is at rest. The seconds that
    each of the two took."""
    began = time.monotonic()
    fill(shop.database_url("product"), products)
    newest = str(good(products - 1).id)
    deadline = time.monotonic() + NOTICED_TIMEOUT_S
    with shop.client() as client:
        while client.get("/api/products?limit=1").raise_for_status().json()["items"][0]["id"] != newest:
            if time.monotonic() > deadline:
                raise LoadFailed("the shop does not show the products that its database holds")
            time.sleep(0.05)
    # Else it would come in the middle of a run.
    asyncio.run(_checkpoint(shop.admin_url()))
    return time.monotonic() - began, come_to_rest(shop)


def come_to_rest(shop: Shop) -> float:
    """Wait until it has done what it does by itself when everything in it is new; the seconds that took."""
    began = time.monotonic()
    spent = _processor_s(shop)
    while time.monotonic() - began < REST_TIMEOUT_S:
        time.sleep(1.0)
        before, spent = spent, _processor_s(shop)
        # Of those that have been there for all of the second: what one that has ended used is not known any more.
        if sum(spent[pid] - before[pid] for pid in spent.keys() & before.keys()) < AT_REST_CORES:
            break
    return time.monotonic() - began


def _processor_s(shop: Shop) -> dict[int, float]:
    """By pid."""
    found: dict[int, float] = {}
    for processes in shop.parts().values():
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


async def _checkpoint(admin_url: str) -> None:
    conn = await asyncpg.connect(admin_url, timeout=10)
    try:
        await conn.execute("checkpoint", timeout=CHECKPOINT_TIMEOUT_S)
    finally:
        await conn.close(timeout=10)


def say(line: str) -> None:
    print(line, flush=True)
