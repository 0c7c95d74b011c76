"""Profiles the busiest Python process with py-spy while a target is under load."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.bench.figures import Result
from tools.bench.meter import ProcessGroups
from tools.bench.options import Options
from tools.bench.shop import ROOT
from tools.bench.targets import Target

RATE = 200
#: py-spy starts slowly; the load must run before and after the recording.
MARGIN_S = 2.0
SHOWN = 15
EVERYTHING = 0.9
NOT_PYTHON = ("envoy", "postgres", "others")


def record(
    target: Target,
    process_groups: Callable[[], ProcessGroups],
    result: Result,
    options: Options,
    place: Path,
    print_line: Callable[[str], None],
) -> None:
    """Load the target once more, write py-spy's recording in speedscope's format, and print the hottest functions."""
    running = process_groups()
    busiest = next((name for name in result.cores() if name in running and name not in NOT_PYTHON), None)
    if busiest is None:
        return
    file = place.with_name(f"{place.name}-{busiest}.speedscope.json")
    spy = subprocess.Popen(
        [
            *(_program(), "record", "--pid", str(running[busiest][0].pid), "--duration", str(round(options.seconds))),
            *("--rate", str(RATE), "--gil", "--format", "speedscope", "--output", str(file)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        target.run(options.seconds + MARGIN_S, options.runs + 1)
        _, complaint = spy.communicate(timeout=options.seconds + 30)
    finally:
        spy.kill()
        spy.wait()
    if spy.returncode != 0:
        print_line(f"            no profile: {complaint.strip()[-300:]}")
        return
    print_line(f"            {busiest}, see https://www.speedscope.app with {file}")
    for share, with_called, function in hottest(file):
        print_line(f"            {share:>6.1%} {with_called:>6.1%}  {function}")


def hottest(file: Path) -> list[tuple[float, float, str]]:
    """The hottest functions with their own share of the samples and their share including callees."""
    document = json.loads(file.read_text())
    names = [f"{frame['name']} ({_short(frame.get('file', '?'))})" for frame in document["shared"]["frames"]]
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0.0
    for profile in document["profiles"]:
        for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
            total += weight
            own.update({names[frame]: weight for frame in stack[-1:]})
            whole.update(dict.fromkeys((names[frame] for frame in stack), weight))
    # Functions that are on every stack say nothing.
    tops = [name for name, time in whole.most_common() if time < EVERYTHING * total]
    shown = {name for name, _ in own.most_common(SHOWN)} | set(tops[:SHOWN])
    return sorted(((own[name] / total, whole[name] / total, name) for name in shown), key=lambda row: -row[1])


def _short(path: str) -> str:
    for folder in ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}", ROOT.name):
        _, found, rest = path.rpartition(f"/{folder}/")
        if found:
            return rest
    return path


def _program() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise SystemExit("--profile needs py-spy, which `make dev` installs")
    return program
