"""Load of reads with `wrk`, which uses a fraction of a core where a Python client would use all of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tools.bench.figures import Load, LoadFailed, Quantiles

SCRIPT = Path(__file__).with_name("reads.lua")
INSTALL_TIMEOUT_S = 300.0
#: Extra time for a run.
GRACE_S = 20.0
REQUEST_TIMEOUT_S = 10
#: The paths are held in wrk's memory.
MAX_PATHS = 200_000


class Reads:
    """A target: GETs of many paths in a fixed order, in a closed loop."""

    def __init__(
        self, name: str, url: str, paths: Sequence[str], folder: Path, connections: int, *, accepts: str = ""
    ) -> None:
        """`accepts` is sent as Accept-Encoding, if not empty."""
        self.name = name
        self.client = "wrk"
        self._url = url
        self._accepts = accepts
        self._count = min(len(paths), MAX_PATHS)
        self._connections = connections
        self._file = folder / f"{name}.paths"
        self._file.write_text("\n".join(paths[:MAX_PATHS]) + "\n")

    def run(self, seconds: float, turn: int) -> Load:
        """Raises `LoadFailed` when any response is not 2xx. `turn` selects the path to start with."""
        start = self._count * (turn % 8) // 8
        arguments = [
            *("wrk", "--threads", "1", "--connections", str(self._connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", f"{REQUEST_TIMEOUT_S}s"),
            *("--script", str(SCRIPT), *self._headers(), self._url),
        ]
        paths = {"BENCH_PATHS": str(self._file), "BENCH_START": str(start)}
        return parse(_output(arguments, paths, seconds + GRACE_S))

    def _headers(self) -> list[str]:
        return ["--header", f"Accept-Encoding: {self._accepts}"] if self._accepts else []


class _Output(msgspec.Struct, frozen=True):
    count: int
    us: int
    p50_us: int
    p99_us: int
    refused: int
    connect: int
    read: int
    write: int
    timeout: int


def parse(output: str) -> Load:
    """Raises `LoadFailed`."""
    line = re.search(r"^\{.*\}$", output, re.MULTILINE)
    if line is None:
        raise LoadFailed(f"wrk printed no result:\n{output[-1000:]}")
    figures = msgspec.json.decode(line[0], type=_Output)
    errors = {name: getattr(figures, name) for name in ("refused", "connect", "read", "write", "timeout")}
    if any(errors.values()):
        counts = ", ".join(f"{count} {name}" for name, count in errors.items() if count)
        raise LoadFailed(f"of {figures.count} requests: {counts} (refused: answered by 4xx or 5xx)")
    if figures.count == 0:
        raise LoadFailed("nothing was answered")
    return Load(figures.count, figures.us / 1e6, Quantiles(figures.p50_us / 1000, figures.p99_us / 1000))


def require() -> None:
    """Raises SystemExit when wrk is missing and cannot be installed."""
    if shutil.which("wrk"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(
            "The reads need wrk: install it (Debian, Ubuntu: apt-get install wrk; macOS: brew install wrk)"
        )
    print("Installing wrk ...", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(["apt-get", "install", "-yqq", "wrk"], env=os.environ | quiet, capture_output=True).returncode:
        # The package lists may be missing or outdated.
        _output(["apt-get", "update", "-qq"], quiet, INSTALL_TIMEOUT_S)
        _output(["apt-get", "install", "-yqq", "wrk"], quiet, INSTALL_TIMEOUT_S)


def version() -> str:
    done = subprocess.run(["wrk", "-v"], capture_output=True, text=True, timeout=GRACE_S)
    return (done.stdout + done.stderr).partition("[")[0].removeprefix("wrk").strip()


def _output(arguments: list[str], environ: dict[str, str], timeout_s: float) -> str:
    try:
        done = subprocess.run(arguments, env=os.environ | environ, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"{arguments[0]} did not end within {timeout_s:.0f} s") from None
    if done.returncode != 0:
        raise LoadFailed(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-1000:]}")
    return done.stdout
