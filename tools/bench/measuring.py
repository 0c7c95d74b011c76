"""Loads one target after another and records the figures of the shop."""

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
from tools.bench.limits import Limits
from tools.bench.meter import Memory, Meter, ProcessGroups, memory
from tools.bench.options import Options
from tools.bench.products import generate_product
from tools.bench.shop import Checkout, Shop, Startup, running
from tools.bench.targets import Target

NOTICED_TIMEOUT_S = 15.0
#: The shop is idle when its processes together use less than this share of a core, half of which it always uses. It
#: gets this long to become idle.
IDLE_CORES = 0.15
IDLE_TIMEOUT_S = 180.0
CHECKPOINT_TIMEOUT_S = 300.0


class Restart(msgspec.Struct, frozen=True):
    stop_s: float
    start: Startup


class Size(msgspec.Struct, frozen=True):
    """All measurements with so many products."""

    products: int
    fill_s: float
    #: How long it was busy after that with background work: it preloads products.
    rest_s: float
    #: The first start of an installation, which creates and migrates the databases and adds the demo data.
    first_start: Startup
    #: The same installation, stopped and started again.
    restart: Restart | None
    results: list[Result]
    memory_after: dict[str, Memory]


def measure_size(products: int, options: Options, folder: Path, keep: Path) -> tuple[Size, list[Result]]:
    """Fill a new shop and load it; measure the limits too if they are requested."""
    print_line(f"\nA shop with {products:,} products")
    with running(Checkout(), folder) as (shop, first_start):
        print_line(f"  ready after {first_start.seconds:.1f} s")
        limits = measure_limits(shop, options, folder) if "limits" in options.only else []
        fill_s, rest_s = fill_shop(shop, products)
        print_line(f"  filled in {fill_s:.1f} s, idle {rest_s:.0f} s later")
        results = []
        for target in targets.of(shop, products, options.names(), folder, options.connections):
            result = measure(target, shop.process_groups, options)
            results.append(result)
            if options.profile and result.failure is None:
                profiling.record(
                    target, shop.process_groups, result, options, keep / f"{products}-{target.name}", print_line
                )
        after = memory(shop.process_groups())
        restart = None
        if "startup" in options.only:
            restart = Restart(round(shop.stop(), 2), shop.start())
            print_line(f"  stopped in {restart.stop_s:.1f} s, ready again after {restart.start.seconds:.1f} s")
        return Size(products, round(fill_s, 2), round(rest_s, 1), first_start, restart, results, after), limits


def measure_limits(shop: Shop, options: Options, folder: Path) -> list[Result]:
    limits = Limits(shop, folder, options.connections)
    with limits.targets() as found:
        return [measure(target, limits.process_groups, options) for target in found]


def measure(target: Target, process_groups: Callable[[], ProcessGroups], options: Options) -> Result:
    """Warm up and run. A failure ends the measurement and is part of the result."""
    runs: list[Run] = []
    try:
        warm_up(target, options)
        for turn in range(1, options.runs + 1):
            runs.append(measure_run(target, process_groups, options.seconds, turn))
    except LoadFailed as problem:
        print_line(f"  {target.name:<11} FAILED: {problem}")
        return Result(target.name, runs, str(problem))
    result = Result(target.name, runs)
    print_line(f"  {target.name:<11} {result.rate():>9,.0f}/s")
    return result


def warm_up(target: Target, options: Options) -> None:
    """Raises `LoadFailed`. It is no failure if nothing finishes within a short warm-up."""
    with suppress(NothingDone):
        target.run(options.warm_up, 0)


def measure_run(target: Target, process_groups: Callable[[], ProcessGroups], seconds: float, turn: int) -> Run:
    """Raises `LoadFailed`."""
    meter = Meter(process_groups, target.client)
    meter.start()
    load = target.run(seconds, turn)
    return Run(load, meter.stop())


def fill_shop(shop: Shop, products: int) -> tuple[float, float]:
    """Fill it, see that it has noticed, and get the writing over with; then wait until it is at rest. The seconds that
    each of the two took."""
    began = time.monotonic()
    fill(shop.database_url("product"), products)
    newest = str(generate_product(products - 1).id)
    deadline = time.monotonic() + NOTICED_TIMEOUT_S
    with shop.client() as client:
        while client.get("/api/products?limit=1").raise_for_status().json()["items"][0]["id"] != newest:
            if time.monotonic() > deadline:
                raise LoadFailed("the shop does not show the products that its database holds")
            time.sleep(0.05)
    # Otherwise the checkpoint would run during a measurement.
    asyncio.run(_checkpoint(shop.admin_url()))
    return time.monotonic() - began, wait_until_idle(shop)


def wait_until_idle(shop: Shop) -> float:
    """Wait until the shop has finished its background work on the new data. Returns the seconds that took."""
    began = time.monotonic()
    spent = _processor_s(shop)
    while time.monotonic() - began < IDLE_TIMEOUT_S:
        time.sleep(1.0)
        before, spent = spent, _processor_s(shop)
        # Only processes that ran during the whole second count: the CPU time of one that has exited is unknown.
        if sum(spent[pid] - before[pid] for pid in spent.keys() & before.keys()) < IDLE_CORES:
            break
    return time.monotonic() - began


def _processor_s(shop: Shop) -> dict[int, float]:
    """CPU seconds by pid."""
    found: dict[int, float] = {}
    for processes in shop.process_groups().values():
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


def print_line(line: str) -> None:
    print(line, flush=True)
