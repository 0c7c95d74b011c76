"""Compares two revisions. Runs of both alternate, so that other load on the machine affects both."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tools.bench import machine, targets
from tools.bench.figures import LoadFailed, Result, Run
from tools.bench.measuring import fill_shop, measure_run, print_line, warm_up
from tools.bench.options import Options
from tools.bench.shop import ROOT, Checkout, Shop, running
from tools.bench.targets import Target

GIT_TIMEOUT_S = 60.0
INSTALL_TIMEOUT_S = 600.0


class Pair(msgspec.Struct, frozen=True):
    products: int
    target: str
    base: list[Run]
    head: list[Run]
    failure: str | None = None

    def ratios(self) -> list[float]:
        return [head.load.per_s / base.load.per_s for base, head in zip(self.base, self.head, strict=True)]

    def as_text(self) -> str:
        title = f"{self.products:>9,} {self.target:<11}"
        if self.failure is not None:
            return f"{title} FAILED: {self.failure}"
        base, head = Result(self.target, self.base), Result(self.target, self.head)
        ratios = self.ratios()
        times = [f"{found.p99_ms:.1f}" if (found := each.latency()) else "?" for each in (base, head)]
        return (
            f"{title} {base.rate():>10,.1f} → {head.rate():>10,.1f} a second   "
            f"×{statistics.median(ratios):.3f} ({min(ratios):.3f}–{max(ratios):.3f})   p99 {' → '.join(times)} ms"
        )


class Comparison(msgspec.Struct, frozen=True):
    base: str
    head: str
    at: str
    options: Options
    machine: machine.Machine
    pairs: list[Pair]

    def failed(self) -> bool:
        return any(pair.failure for pair in self.pairs)


def compare(options: Options, folder: Path) -> list[Pair]:
    assert options.base is not None
    with _checkout(options.base, folder / "base-checkout") as base:
        pairs = []
        for products in options.sizes:
            print_line(f"\nTwo shops with {products:,} products")
            with (
                running(base, folder / f"base-{products}") as (base_shop, _),
                running(Checkout(), folder / f"head-{products}") as (head_shop, _),
            ):
                pairs += list(_pairs(base_shop, head_shop, products, options, folder))
        return pairs


def _pairs(base: Shop, head: Shop, products: int, options: Options, folder: Path) -> Iterator[Pair]:
    found: list[list[Target]] = []
    for shop, name in ((base, "base"), (head, "head")):
        fill_shop(shop, products)
        own = folder / f"{name}-{products}"
        found.append(targets.of(shop, products, options.names(), own, options.connections))
    for one, other in zip(*found, strict=True):
        pair = _pair(base, head, one, other, products, options)
        print_line(pair.as_text())
        yield pair


def _pair(base: Shop, head: Shop, on_base: Target, on_head: Target, products: int, options: Options) -> Pair:
    runs: dict[str, list[Run]] = {"base": [], "head": []}
    sides = [("base", base, on_base), ("head", head, on_head)]
    try:
        for _, _, target in sides:
            warm_up(target, options)
        for turn in range(1, options.runs + 1):
            for name, shop, target in sides:
                runs[name].append(measure_run(target, shop.process_groups, options.seconds, turn))
            # Neither is always first.
            sides.reverse()
    except LoadFailed as problem:
        return Pair(products, on_base.name, runs["base"], runs["head"], str(problem))
    return Pair(products, on_base.name, runs["base"], runs["head"])


@contextmanager
def _checkout(revision: str, place: Path) -> Iterator[Checkout]:
    """The revision in a temporary worktree, with its own packages only if the lock file differs."""
    _git("worktree", "add", "--quiet", "--detach", str(place), revision)
    try:
        if _same_lock(place):
            yield Checkout(place, Path(sys.executable))
        else:
            print_line(f"{revision} has another lock file: installing its packages")
            command = [sys.executable, str(place / "scripts" / "bootstrap.py")]
            subprocess.run(command, check=True, timeout=INSTALL_TIMEOUT_S)
            yield Checkout(place, place / ".venv" / "bin" / "python")
    finally:
        _git("worktree", "remove", "--force", str(place))


def _same_lock(place: Path) -> bool:
    return (place / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes()


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=GIT_TIMEOUT_S)
    if done.returncode != 0:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
