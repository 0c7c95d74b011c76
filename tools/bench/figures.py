"""The figures of a measurement, which are written to JSON as they are."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class LoadFailed(Exception):
    """The load met an error, so its figures are meaningless; the message says what went wrong."""


class NothingDone(LoadFailed):
    """No error occurred, but nothing finished in time."""


class Quantiles(msgspec.Struct, frozen=True):
    """Times in milliseconds."""

    p50_ms: float
    p99_ms: float


class Load(msgspec.Struct, frozen=True):
    """One run of load in which every response was as expected."""

    count: int
    seconds: float
    latency: Quantiles | None = None
    #: Durations of steps, such as the time from placing an order until it is paid.
    steps: dict[str, Quantiles] = {}

    @property
    def per_s(self) -> float:
        return self.count / self.seconds


class Run(msgspec.Struct, frozen=True):
    load: Load
    #: The number of cores that each group of processes used; `others` is everything else on the machine.
    cores: dict[str, float]


class Result(msgspec.Struct, frozen=True):
    """All runs of one target, or why it failed."""

    target: str
    runs: list[Run]
    failure: str | None = None

    def rates(self) -> list[float]:
        return [run.load.per_s for run in self.runs]

    def rate(self) -> float:
        return statistics.median(self.rates())

    def latency(self) -> Quantiles | None:
        return _median([run.load.latency for run in self.runs if run.load.latency is not None])

    def steps(self) -> dict[str, Quantiles]:
        names = dict.fromkeys(name for run in self.runs for name in run.load.steps)
        found = {name: _median([run.load.steps[name] for run in self.runs if name in run.load.steps]) for name in names}
        return {name: quantiles for name, quantiles in found.items() if quantiles is not None}

    def cores(self) -> dict[str, float]:
        """The median of each group, the busiest first."""
        names = {name for run in self.runs for name in run.cores}
        medians = {name: statistics.median(run.cores.get(name, 0.0) for run in self.runs) for name in names}
        return dict(sorted(medians.items(), key=lambda pair: -pair[1]))


def quantiles(times_s: Sequence[float]) -> Quantiles | None:
    """By nearest rank: each result is a measured time."""
    if not times_s:
        return None
    ordered = sorted(times_s)
    p50, p99 = (ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000 for percent in (50, 99))
    return Quantiles(p50, p99)


def _median(found: Sequence[Quantiles]) -> Quantiles | None:
    if not found:
        return None
    return Quantiles(statistics.median(q.p50_ms for q in found), statistics.median(q.p99_ms for q in found))
