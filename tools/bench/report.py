"""The table for people, and the JSON document with the same figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tools.bench.figures import Quantiles, Result
from tools.bench.machine import Machine
from tools.bench.measuring import Size
from tools.bench.meter import Memory
from tools.bench.options import Options
from tools.bench.shop import Startup

#: Reads are reported as shares of these limits, flows as shares of the commits.
READ_LIMITS = ("envoy", "static", "granian", "service")
FLOWS = ("cart", "purchase")
#: Processes that used less than this share of a core are not listed.
QUIET = 0.05
BUSIEST = 4


class Line(msgspec.Struct, frozen=True):
    """One line of the table: a target, or without `products` a limit."""

    products: int | None
    target: str
    failure: str | None
    per_s: float = 0.0
    lowest_per_s: float = 0.0
    highest_per_s: float = 0.0
    latency: Quantiles | None = None
    steps: dict[str, Quantiles] = {}
    #: As a share of each comparable limit.
    of_limits: dict[str, float] = {}
    cores: dict[str, float] = {}


class Document(msgspec.Struct, frozen=True):
    revision: str
    at: str
    options: Options
    machine: Machine
    lines: list[Line]
    #: The individual runs behind the lines.
    limits: list[Result]
    sizes: list[Size]

    def failed(self) -> bool:
        return any(line.failure for line in self.lines)


def lines(limits: Sequence[Result], sizes: Sequence[Size]) -> list[Line]:
    rates = {limit.target: limit.rate() for limit in limits if limit.failure is None}
    found = [_line(None, limit, {}) for limit in limits]
    for size in sizes:
        for result in size.results:
            wanted = ("commits",) if result.target in FLOWS else READ_LIMITS
            comparable = {name: rates[name] for name in wanted if name in rates}
            found.append(_line(size.products, result, comparable))
    return found


def _line(products: int | None, result: Result, limits: dict[str, float]) -> Line:
    if result.failure is not None:
        return Line(products, result.target, result.failure)
    return Line(
        products=products,
        target=result.target,
        failure=None,
        per_s=result.rate(),
        lowest_per_s=min(result.rates()),
        highest_per_s=max(result.rates()),
        latency=result.latency(),
        steps=result.steps(),
        of_limits={name: result.rate() / rate for name, rate in limits.items()},
        cores=result.cores(),
    )


def text(document: Document) -> str:
    machine, options = document.machine, document.options
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    summary = [
        "",
        f"Serai {document.revision} on {document.at}",
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / (1 << 30):.1f} GB, {machine.kernel}, data on "
        f"{machine.file_system}",
        versions,
        f"{options.connections} connections in a closed loop over loopback, {options.runs} runs of "
        f"{options.seconds:g} s after {options.warm_up:g} s of warm-up; medians",
        *(f"WARNING: {warning}" for warning in machine.warnings()),
        "",
        *table(_rows(document)),
    ]
    for line in document.lines:
        summary += [f"  {line.target}: {line.failure}"] if line.failure else _steps(line)
    for size in document.sizes:
        summary += [
            "",
            f"{size.products:,} products: filled in {size.fill_s:.1f} s, idle {size.rest_s:.0f} s later",
            *_startup(size),
        ]
        summary += ["", f"Memory with {size.products:,} products (MB)", *_memory(size)]
    return "\n".join(summary)


def _rows(document: Document) -> Iterable[list[str]]:
    yield ["", "a second", "min–max", "p50 ms", "p99 ms", *READ_LIMITS, "commits", "others", "cores busy"]
    yield from map(row, document.lines)


def row(line: Line) -> list[str]:
    title = f"limit: {line.target}" if line.products is None else f"{line.products:,} {line.target}"
    if line.failure is not None:
        return [title, "FAILED"]
    return [
        title,
        _number(line.per_s),
        f"{_number(line.lowest_per_s)}–{_number(line.highest_per_s)}",
        *_times(line.latency),
        *(f"{line.of_limits[name]:.1%}" if name in line.of_limits else "" for name in (*READ_LIMITS, "commits")),
        *_busy(line.cores),
    ]


def _busy(cores: dict[str, float]) -> list[str]:
    """What is not ours, and the busiest of what is."""
    found = [f"{name} {used:.2f}" for name, used in cores.items() if used >= QUIET and name != "others"]
    return [f"{cores.get('others', 0.0):.2f}", ", ".join(found[:BUSIEST])]


def _steps(line: Line) -> Iterable[str]:
    if line.steps:
        parts = (f"{name} {each.p50_ms:.0f}/{each.p99_ms:.0f}" for name, each in line.steps.items())
        yield f"  steps of {line.products:,} {line.target}, p50/p99 ms: {', '.join(parts)}"


def _startup(size: Size) -> Iterable[str]:
    yield from _start("first start (database made, migrated, demo data in)", size.first_start)
    if size.restart is not None:
        yield from _start(f"next start (stopped in {size.restart.stop_s:.1f} s)", size.restart.start)


def _start(title: str, start: Startup) -> Iterable[str]:
    yield f"  {title}: ready after {start.seconds:.1f} s"
    yield "    " + ", ".join(f"{part} {at:.1f}" for part, at in start.ready_at_s.items())
    yield "    seconds of CPU: " + ", ".join(f"{name} {part.cpu_s:.1f}" for name, part in start.parts.items())


def _memory(size: Size) -> Iterable[str]:
    ready, after = size.first_start.parts, size.memory_after
    rows = [[name, *_megabytes([ready[name]]), *_megabytes([after[name]])] for name in ready if name in after]
    total = [f"all {len(ready)}", *_megabytes(list(ready.values())), *_megabytes(list(after.values()))]
    return table([["", "ready: rss", "pss", "after load: rss", "pss"], *rows, total])


def _megabytes(parts: Sequence[Memory]) -> list[str]:
    pss = [part.pss_bytes for part in parts]
    known = [each for each in pss if each is not None]
    return [
        f"{sum(part.rss_bytes for part in parts) / 1e6:.0f}",
        f"{sum(known) / 1e6:.0f}" if len(known) == len(pss) else "?",
    ]


def _times(latency: Quantiles | None) -> list[str]:
    return ["", ""] if latency is None else [f"{latency.p50_ms:.1f}", f"{latency.p99_ms:.1f}"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(rows: Iterable[list[str]]) -> list[str]:
    listed = list(rows)
    widths = [max(len(row[at]) for row in listed if at < len(row)) for at in range(max(map(len, listed)))]
    last = len(widths) - 1

    def cell(at: int, value: str) -> str:
        return value if at == last else value.ljust(widths[at]) if at == 0 else value.rjust(widths[at])

    return ["  ".join(cell(at, value) for at, value in enumerate(row)).rstrip() for row in listed]
