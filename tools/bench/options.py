"""The options of a run, with limits, because a run loads somebody's machine."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import msgspec

from tools.bench import targets

SIZES = (1_000, 100_000)
MAX_SIZE = 1_000_000
WHAT = ("startup", "limits", *targets.NAMES)


class Options(msgspec.Struct, frozen=True):
    sizes: list[int]
    only: list[str]
    seconds: float
    warm_up: float
    runs: int
    connections: int
    profile: bool
    base: str | None

    def names(self) -> list[str]:
        """The requested targets."""
        return [name for name in targets.NAMES if name in self.only]


def parse(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=list(SIZES), help="products in the catalogue, as in 1000,100000"
    )
    parser.add_argument("--only", type=_only, default=list(WHAT), help=f"some of {','.join(WHAT)}")
    parser.add_argument("--seconds", type=within(1, 60), default=5.0, help="length of each run")
    parser.add_argument("--warm-up", type=within(1, 60), default=2.0, help="seconds of load before the first run")
    parser.add_argument("--runs", type=within(1, 9), default=3)
    parser.add_argument(
        "--connections", type=within(1, 256), default=32, help="each sends its next request after a response"
    )
    parser.add_argument("--profile", action="store_true", help="record the busiest Python process of each target")
    parser.add_argument("--base", metavar="REVISION", help="measure this revision and the working tree in turns")
    given = parser.parse_args(arguments)
    if given.base and given.profile:
        parser.error("--profile and --base cannot be combined")
    return msgspec.convert({**vars(given), "runs": int(given.runs), "connections": int(given.connections)}, Options)


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if not sizes or len(sizes) > 3 or not all(100 <= size <= MAX_SIZE for size in sizes):
        raise argparse.ArgumentTypeError(f"up to three sizes from 100 to {MAX_SIZE}")
    return sizes


def _only(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in WHAT]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(WHAT)}")
    return names


def within(lowest: float, highest: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"must be from {lowest:g} to {highest:g}")
        return value

    return number
