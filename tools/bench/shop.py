"""A whole shop to load: `serai up` of any checkout, in its own folder and on free ports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from serai.supervisor import ports
from serai.supervisor.home import Home, read_json
from serai.supervisor.launch import Command, launch, wait_or_kill
from serai.supervisor.urls import url_of
from tools.bench.meter import Memory, memory
from tools.shop.system import NO_LIMITS

ROOT = Path(__file__).parent.parent.parent
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
_PROGRESS = re.compile(r"^  (?P<part>\S.*?)\s+ready\s+(?P<at>[0-9.]+) s", re.MULTILINE)


class Checkout(msgspec.Struct, frozen=True):
    """The files of a revision, and a Python with the packages it needs."""

    root: Path = ROOT
    python: Path = Path(sys.executable)

    def environ(self) -> dict[str, str]:
        # PYTHONPATH precedes the project installed in the virtual environment. The web client is not measured, so every
        # revision uses that of this checkout.
        return {"PYTHONPATH": str(self.root), "SERAI_WEB_DIST": str(ROOT / "web" / "dist")}


class Startup(msgspec.Struct, frozen=True):
    """How long `serai up` took, and when each process was ready."""

    seconds: float
    ready_at_s: dict[str, float]
    #: The memory of each group of processes at that time.
    parts: dict[str, Memory]


class CannotStart(Exception):
    """The shop did not start; the message includes its output."""


class Shop:
    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout = checkout
        self.home = Home(folder / "home")
        self.port = ports.find_free()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "up.out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Startup:
        """Returns when the shop is ready. Raises `CannotStart`."""
        self._output.unlink(missing_ok=True)
        environ = os.environ | NO_LIMITS | self.checkout.environ()
        environ |= {"SERAI_HOME": str(self.home.path), "SERAI_PORT": str(self.port)}
        began = time.monotonic()
        self._process = launch(Command((str(self.checkout.python), "-m", "serai", "up"), environ, self._output))
        self._wait("be ready", lambda: self._state().get("phase") == "ready", began + START_TIMEOUT_S)
        seconds = time.monotonic() - began
        # The output follows a moment later.
        self._wait("say so", lambda: "is up" in self._output_text(), began + START_TIMEOUT_S)
        ready_at = {match["part"]: float(match["at"]) for match in _PROGRESS.finditer(self._output_text())}
        return Startup(round(seconds, 2), ready_at, memory(self.process_groups()))

    def stop(self) -> float:
        """Returns the seconds that took."""
        if self._process is None:
            return 0.0
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        wait_or_kill(self._process, STOP_TIMEOUT_S)
        self._process = None
        return time.monotonic() - began

    def process_groups(self) -> dict[str, list[psutil.Process]]:
        """The running processes by service, with their children; Envoy under its own name."""
        found: dict[str, list[psutil.Process]] = {}
        with suppress(psutil.NoSuchProcess):
            if self._process is not None:
                found["supervisor"] = [psutil.Process(self._process.pid)]
            for part in self._state()["processes"]:
                if part["pid"] is None:
                    continue
                top = psutil.Process(part["pid"])
                for process in (top, *top.children(recursive=True)):
                    name = "envoy" if process.name() == "envoy" else part["name"]
                    found.setdefault(name, []).append(process)
        return found

    def database_url(self, service: str) -> str:
        """The URL of a service's database with the service's role."""
        return url_of(self.admin_url(), service, self._secrets()["databases"][service])

    def admin_url(self) -> str:
        return f"postgresql://serai:{self._secrets()['postgres']}@{self._state()['postgres']}/postgres"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=15.0, trust_env=False)

    def _secrets(self) -> dict[str, Any]:
        secrets: dict[str, Any] = read_json(self.home.keys)
        return secrets

    def _state(self) -> dict[str, Any]:
        return read_json(self.home.run) or {}

    def _output_text(self) -> str:
        return self._output.read_text(errors="replace")

    def _wait(self, what: str, is_so: Callable[[], bool], deadline: float) -> None:
        assert self._process is not None
        while not is_so():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"the shop of {self.checkout.root} did not {what}:\n{self._output_text()[-4000:]}")
            time.sleep(0.02)


@contextmanager
def running(checkout: Checkout, folder: Path) -> Iterator[tuple[Shop, Startup]]:
    folder.mkdir(parents=True, exist_ok=True)
    shop = Shop(checkout, folder)
    try:
        yield shop, shop.start()
    finally:
        shop.stop()
