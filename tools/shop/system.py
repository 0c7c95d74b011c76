"""A whole shop for tests: `serai up` in its own folder and on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from serai.supervisor import keys, ports
from serai.supervisor.home import Home, read_json
from serai.supervisor.status import NotRunning, Status
from serai.supervisor.status import read as read_status
from serai.supervisor.urls import url_of

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 30.0

#: All tests use one client address; tests of rate limits start their own shop.
NO_LIMITS = {
    f"SERAI_LIMIT_{name}": "off" for name in ("DEFAULT", "SIGN_IN", "REGISTER", "RESET", "ORDERS", "PAYMENTS", "MAIL")
}


#: Tests count orders and emails; the test of demo orders starts its own shop.
NO_PAST = {"SERAI_DEMO_ORDERS": "off"}


class System:
    """One `serai up`. `url` is the gateway; everything else comes from what `serai status` reports.

    Polls read the status in this process. One that starts `serai status` each time uses a whole core, and the shop is
    ready later.
    """

    def __init__(self, home: Path, port: int, environ: Mapping[str, str]) -> None:
        self.home = home
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.environ = {**os.environ, **environ, "SERAI_HOME": str(home), "SERAI_PORT": str(port)}
        self.output = home.parent / f"{home.name}.out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it without waiting; see `wait_ready`."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serai", "up", *arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the whole shop is ready, and until the command `serai status` reports it."""
        self.wait_for("the shop to be ready", self.is_ready, timeout_s)
        self.wait_for("`serai status` to report that the shop is ready", self._reports_ready, COMMAND_TIMEOUT_S)

    def is_ready(self) -> bool:
        """Whether the whole shop is ready."""
        found = self._read_status()
        return found is not None and found.ready

    def wait_for(self, what: str, is_so: Any, timeout_s: float = 30.0) -> None:
        """Poll until `is_so()` is true."""
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"serai up ended with {self.process.returncode}:\n{self.output.read_text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s} s for {what} without success:\n{self.output.read_text()}")
            time.sleep(0.1)

    def status(self) -> dict[str, Any]:
        """The document of `serai status --json`, whether the shop is ready or not."""
        found = self._read_status()
        return {"services": []} if found is None else found.as_document()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The status rows of a service, one per instance."""
        return [row for row in self.status()["services"] if row["name"] == name]

    def pid(self, name: str) -> int:
        """The pid of a service's first instance."""
        pid: int = self.rows(name)[0]["pid"]
        return pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a service's first instance. Returns its pid."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")

    def login(self, role: str) -> dict[str, str]:
        """The demo account of that role: email and password."""
        document = json.loads((self.home / "logins.json").read_text())
        return next(login for login in document["logins"] if login["role"] == role)

    def database(self, service: str) -> str:
        """The URL of a service's database, with its owner's role."""
        home = Home(self.home)
        known = keys.load(home)
        server = f"postgresql://serai:{known.postgres}@127.0.0.1:{read_json(home.ports)['postgres']}/postgres"
        return url_of(server, service, known.databases[service])

    @property
    def sandbox(self) -> dict[str, str]:
        """URLs of the sandbox: stripe, mail."""
        urls: dict[str, str] = self.status()["sandbox"]
        return urls

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client of the shop with its own cookies."""
        return httpx.Client(base_url=self.url, timeout=60.0, trust_env=False, **options)

    def signed_in(self, role: str = "customer") -> httpx.Client:
        """A client that sends the demo account's access token."""
        client = self.client()
        login = self.login(role)
        answer = client.post("/api/auth/login", json={"email": login["email"], "password": login["password"]})
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all its descendants."""
        assert self.process is not None
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to stop and wait. Returns the seconds that took. Kills it after a timeout and raises."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"serai up did not stop:\n{self.output.read_text()}") from None
        return time.monotonic() - began

    def _read_status(self) -> Status | None:
        """None while it is not running."""
        home = Home(self.home)
        # Reading tries the installation's lock, which would make a supervisor fail that takes it at the same time. The
        # one that has written its pid has the lock.
        if self.process is None or (read_json(home.run) or {}).get("pid") != self.process.pid:
            return None
        try:
            # In a thread, because the caller's may run an event loop.
            with ThreadPoolExecutor(1) as executor:
                return executor.submit(read_status, home).result()
        except NotRunning:
            return None

    def _reports_ready(self) -> bool:
        command = [sys.executable, "-m", "serai", "status", "--json"]
        return subprocess.run(command, env=self.environ, capture_output=True, timeout=COMMAND_TIMEOUT_S).returncode == 0


@contextmanager
def running_system(
    folder: Path, environ: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
) -> Iterator[System]:
    """A shop that is ready, with these settings. It is stopped at the end."""
    folder.mkdir(exist_ok=True)
    system = System(folder / "home", ports.find_free(), {**NO_LIMITS, **NO_PAST, **(environ or {})})
    system.start(*arguments)
    try:
        system.wait_ready()
        yield system
    finally:
        system.stop()
