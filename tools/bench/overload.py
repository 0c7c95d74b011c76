"""`make overload`: how the shop responds under overload and afterwards.

Open-loop load at multiples of the measured capacity of one route, step by step. With two cores or more, the load
generator has the last one to itself and the shop the others, so that only the cost of refusing requests is measured,
not that of sending them.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tools.bench import machine, open_loop, wrk
from tools.bench.figures import LoadFailed, Quantiles
from tools.bench.measuring import fill_shop, print_line
from tools.bench.open_loop import Outcome, Plan, Request
from tools.bench.options import within
from tools.bench.report import table
from tools.bench.searches import searches
from tools.bench.shop import ROOT, CannotStart, Checkout, Shop, running
from tools.bench.targets import items

RESULTS = ROOT / ".bench"
FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0)
PRODUCTS = 1_000
#: More different searches than the catalogue's cache holds, so that none is answered from it.
SEARCHES = 20_000
WARM_UP_S = 2.0
CAPACITY_S = 3.0
#: How soon after the last step the shop must be normal again, and how long that is measured.
RECOVERY_AFTER_S, RECOVERY_S = 1.0, 2.0
WIDTH = 60


class Step(msgspec.Struct, frozen=True):
    #: As a multiple of the capacity.
    factor: float
    offered_per_s: float
    outcome: Outcome


class Curve(msgspec.Struct, frozen=True):
    route: str
    #: Successful responses per second in a closed loop.
    capacity_per_s: float
    steps: list[Step]
    #: Like the first step, a second after the last one.
    recovery: Step

    def peak_per_s(self) -> float:
        return max(step.outcome.good_per_s for step in self.steps)

    def kept(self) -> float:
        """The share of the peak that still succeeds under the heaviest load."""
        return self.steps[-1].outcome.good_per_s / self.peak_per_s()

    def errors(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for step in (*self.steps, self.recovery):
            for what, count in step.outcome.errors.items():
                found[what] = found.get(what, 0) + count
        return found


class Document(msgspec.Struct, frozen=True):
    revision: str
    at: str
    machine: machine.Machine
    seconds: float
    load_core: int | None
    curves: list[Curve]


def main() -> int:
    options = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wrk.require()
    now = datetime.now(UTC)
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    core = cores[-1] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory(prefix="serai-overload-") as name:
        folder = Path(name)
        found = machine.look(folder)
        for warning in found.warnings():
            print_line(f"WARNING: {warning}")
        if core is not None:
            # Processes started from now on inherit it.
            os.sched_setaffinity(0, set(cores[:-1]))
        try:
            with running(Checkout(), folder / "shop") as (shop, _):
                fill_shop(shop, PRODUCTS)
                curves = [measure(route, shop, options.seconds, core) for route in options.routes]
        except (CannotStart, LoadFailed) as problem:
            print_line(str(problem))
            return 1
    at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    document = Document(machine.revision(ROOT), at, found, options.seconds, core, curves)
    summary = text(document)
    place = RESULTS / f"{now.strftime('%Y-%m-%dT%H-%M-%SZ')}-overload"
    place.mkdir(parents=True)
    (place / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    (place / "figures.txt").write_text(summary + "\n")
    print_line(summary)
    print_line(f"\n{place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place}/figures.json")
    return 1 if any(curve.errors() for curve in curves) else 0


def measure(route: str, shop: Shop, seconds: float, core: int | None) -> Curve:
    """Measure the capacity, then every step, then the recovery. Raises `LoadFailed`."""
    requests = ROUTES[route]()

    def send(seconds: float, rate: float | None = None) -> Outcome:
        # Each begins at a different request, or it would find the responses of the one before in caches.
        requests[:] = requests[len(requests) // 7 :] + requests[: len(requests) // 7]
        return open_loop.send(Plan(shop.url, requests, seconds, rate, core=core))

    send(WARM_UP_S)
    found = send(CAPACITY_S)
    capacity = found.good_per_s
    if not capacity:
        raise LoadFailed(f"no request of {route} succeeded: {found}")
    print_line(f"  {route}: {capacity:,.0f} a second in a closed loop")
    steps = []
    for factor in FACTORS:
        rate = factor * capacity
        steps.append(Step(factor, rate, send(seconds, rate)))
        print_line(f"    × {factor:g}: {steps[-1].outcome.good_per_s:,.0f} a second succeeded")
    time.sleep(RECOVERY_AFTER_S)
    rate = FACTORS[0] * capacity
    return Curve(route, capacity, steps, Step(FACTORS[0], rate, send(RECOVERY_S, rate)))


def _searches() -> list[Request]:
    """Searches that are in no cache: each includes a random number that matches nothing."""
    rng = random.Random(time.time())
    typed = searches(SEARCHES, seed=rng.randrange(1 << 30))
    return [Request("GET", f"/api/products?q={words.replace(' ', '+')}+{rng.randrange(1 << 40):x}") for words in typed]


def _adds() -> list[Request]:
    """Each request is from a new guest."""
    return [Request("POST", "/api/cart/items", item.line().decode()) for item in items(PRODUCTS)]


def _front_page() -> list[Request]:
    return [Request("GET", "/api/products")]


#: One route that saturates services and their database, one that is mostly the gateway's.
ROUTES = {"cart": _adds, "search": _searches, "list": _front_page}


def text(document: Document) -> str:
    core = document.load_core
    where = "on the same cores" if core is None else f"from core {core}, the shop on the others"
    summary = [
        "",
        f"Overload of Serai {document.revision} on {document.at}",
        f"{document.machine.cpu}, {document.machine.cores} cores",
        f"steps of {document.seconds:g} s in an open loop {where}",
        *(f"WARNING: {warning}" for warning in document.machine.warnings()),
    ]
    for curve in document.curves:
        summary += ["", f"{curve.route}: capacity {curve.capacity_per_s:,.0f} a second", *table(_rows(curve))]
        summary += ["", *_plot(curve), ""]
        summary.append(f"At {curve.steps[-1].factor:g} times the capacity {curve.kept():.0%} of the peak succeeds.")
        summary += [f"ERRORS: {count} {what}" for what, count in curve.errors().items()]
    return "\n".join(summary)


def _rows(curve: Curve) -> Iterable[list[str]]:
    yield ["times", "offered", "2xx", "429", "503", "errors", "unsent", "good p50/p99 ms", "refused p50/p99 ms"]
    yield from (_row(f"{step.factor:g}", step) for step in curve.steps)
    yield _row(f"{curve.recovery.factor:g} after", curve.recovery)


def _row(title: str, step: Step) -> list[str]:
    outcome = step.outcome
    refused = (f"{outcome.refused.get(status, 0) / outcome.seconds:,.0f}" for status in ("429", "503"))
    return [
        title,
        f"{step.offered_per_s:,.0f}",
        f"{outcome.good_per_s:,.0f}",
        *refused,
        str(sum(outcome.errors.values())),
        str(outcome.unsent),
        *(_times(found) for found in (outcome.good_ms, outcome.refused_ms)),
    ]


def _times(found: Quantiles | None) -> str:
    return f"{found.p50_ms:.0f} / {found.p99_ms:.0f}" if found else ""


def _plot(curve: Curve) -> Iterable[str]:
    """A bar for each step: successful and refused requests."""
    most = max(step.offered_per_s for step in curve.steps)
    for step in curve.steps:
        good = round(step.outcome.good_per_s / most * WIDTH)
        refused = round(step.outcome.refused_per_s / most * WIDTH)
        yield f"  × {step.factor:<4g}|{'#' * good}{'.' * refused}"
    yield "        # successful   . refused"


class Options(msgspec.Struct, frozen=True):
    seconds: float
    routes: list[str]


def _parse(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="make overload", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--seconds", type=within(1, 10), default=4.0, help="length of each step")
    parser.add_argument("--routes", type=_routes, default=["cart", "list"], help=f"some of {','.join(ROUTES)}")
    return msgspec.convert(vars(parser.parse_args(arguments)), Options)


def _routes(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ROUTES]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(ROUTES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
