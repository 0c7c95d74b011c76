"""`make bench` and `make bench-compare`."""

from __future__ import annotations

import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tools.bench import machine, options, report, wrk
from tools.bench.compare import Comparison, compare
from tools.bench.measuring import measure_size, say
from tools.bench.options import Options
from tools.bench.report import Document
from tools.bench.shop import ROOT, CannotStart

RESULTS = ROOT / ".bench"


def main() -> int:
    asked = options.parse()
    # So that what was started is stopped however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wrk.require()
    now = datetime.now(UTC)
    keep = RESULTS / now.strftime("%Y-%m-%dT%H-%M-%SZ")
    keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as name:
        folder = Path(name)
        found = machine.look(folder)
        for warning in found.warnings():
            say(f"WARNING: {warning}")
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        run = _compare if asked.base else _measure
        try:
            return run(asked, found, at, folder, keep)
        except CannotStart as problem:
            say(str(problem))
            return 1


def _measure(asked: Options, found: machine.Machine, at: str, folder: Path, keep: Path) -> int:
    revision = machine.revision(ROOT)
    limits, sizes = [], []
    for number, products in enumerate(asked.sizes):
        # They do not depend on the catalogue.
        wanted = asked if number == 0 else msgspec.structs.replace(asked, only=_without_limits(asked))
        size, more = measure_size(products, wanted, folder / str(products), keep)
        sizes.append(size)
        limits += more
    document = Document(revision, at, asked, found, report.lines(limits, sizes), limits, sizes)
    told = report.text(document)
    _keep(keep, document, told)
    return 1 if document.failed() else 0


def _compare(asked: Options, found: machine.Machine, at: str, folder: Path, keep: Path) -> int:
    head = machine.revision(ROOT)
    pairs = compare(asked, folder)
    comparison = Comparison(asked.base or "", head, at, asked, found, pairs)
    told = "\n".join(
        [
            "",
            f"{comparison.base} → {head}: {asked.runs} runs of {asked.seconds:g} s in turns; medians of the ratios",
            *(f"WARNING: {warning}" for warning in found.warnings()),
            *(pair.as_text() for pair in pairs),
        ]
    )
    _keep(keep, comparison, told)
    return 1 if comparison.failed() else 0


def _without_limits(asked: Options) -> list[str]:
    return [name for name in asked.only if name != "limits"]


def _keep(place: Path, document: Document | Comparison, told: str) -> None:
    (place / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    (place / "figures.txt").write_text(told + "\n")
    say(told)
    say(f"\n{place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place}/figures.json")


if __name__ == "__main__":
    sys.exit(main())
