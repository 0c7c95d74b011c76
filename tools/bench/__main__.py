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
from tools.bench.measuring import measure_size, print_line
from tools.bench.options import Options
from tools.bench.report import Document
from tools.bench.shop import ROOT, CannotStart

RESULTS = ROOT / ".bench"


def main() -> int:
    requested = options.parse()
    # Stop everything that was started however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wrk.require()
    now = datetime.now(UTC)
    results_folder = RESULTS / now.strftime("%Y-%m-%dT%H-%M-%SZ")
    results_folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as name:
        folder = Path(name)
        found = machine.look(folder)
        for warning in found.warnings():
            print_line(f"WARNING: {warning}")
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        run = _compare if requested.base else _measure
        try:
            return run(requested, found, at, folder, results_folder)
        except CannotStart as problem:
            print_line(str(problem))
            return 1


def _measure(requested: Options, found: machine.Machine, at: str, folder: Path, results_folder: Path) -> int:
    revision = machine.revision(ROOT)
    limits, sizes = [], []
    for number, products in enumerate(requested.sizes):
        # The limits do not depend on the catalogue.
        size_options = requested if number == 0 else msgspec.structs.replace(requested, only=_without_limits(requested))
        size, more = measure_size(products, size_options, folder / str(products), results_folder)
        sizes.append(size)
        limits += more
    document = Document(revision, at, requested, found, report.lines(limits, sizes), limits, sizes)
    summary = report.text(document)
    _write(results_folder, document, summary)
    return 1 if document.failed() else 0


def _compare(requested: Options, found: machine.Machine, at: str, folder: Path, results_folder: Path) -> int:
    head = machine.revision(ROOT)
    pairs = compare(requested, folder)
    comparison = Comparison(requested.base or "", head, at, requested, found, pairs)
    summary = "\n".join(
        [
            "",
            f"{comparison.base} → {head}: {requested.runs} alternating runs of {requested.seconds:g} s; median ratios",
            *(f"WARNING: {warning}" for warning in found.warnings()),
            *(pair.as_text() for pair in pairs),
        ]
    )
    _write(results_folder, comparison, summary)
    return 1 if comparison.failed() else 0


def _without_limits(requested: Options) -> list[str]:
    return [name for name in requested.only if name != "limits"]


def _write(place: Path, document: Document | Comparison, summary: str) -> None:
    (place / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))
    (place / "figures.txt").write_text(summary + "\n")
    print_line(summary)
    print_line(f"\n{place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place}/figures.json")


if __name__ == "__main__":
    sys.exit(main())
