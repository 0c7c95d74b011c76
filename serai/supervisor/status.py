"""`serai status`: every process of the installation, its health and its memory use.

Health is the registry's, or the process's own response where it is not registered. The list of processes is read from
the file that the supervisor writes, so it also works while the shop is starting.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from serai import __version__, topology
from serai.supervisor import gateways, keys, registry
from serai.supervisor.home import Home, read_json
from serai.supervisor.http import RequestFailed, accepts_connections, get
from serai.supervisor.postgres import server_version


class NotRunning(Exception):
    """There is no installation, or it is not running; the message says how to start it."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    instance: str
    address: str
    health: str
    pid: int | None
    version: str
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    #: The public address, and every gateway's address on this machine.
    gateway: str
    gateways: list[str]
    services: list[Row]
    sandbox: dict[str, str]
    logins: list[dict[str, str]]
    ready: bool

    def as_document(self) -> dict[str, Any]:
        document = asdict(self)
        del document["ready"]
        return document

    def as_json(self) -> str:
        return json.dumps(self.as_document(), indent=2)

    def as_text(self) -> str:
        lines = [f"{'':<2}{'instance':<18}{'address':<24}{'health':<10}{'pid':>8}{'memory':>10}  version"]
        for row in self.services:
            mark = " " if row.health == "passing" else "!"
            memory = f"{row.rss_bytes / (1 << 20):.0f} MB"
            place = f"{mark:<2}{row.instance:<18}{row.address:<24}"
            lines.append(f"{place}{row.health:<10}{row.pid or '-':>8}{memory:>10}  {row.version}")
        total = sum(row.rss_bytes for row in self.services) / (1 << 20)
        lines += ["", f"  shop {self.gateway}   memory {total:.0f} MB   {'ready' if self.ready else 'not ready'}"]
        if len(self.gateways) > 1:
            lines.append(f"  gateways {'  '.join(self.gateways)}")
        for name, url in self.sandbox.items():
            lines.append(f"  sandbox {name} {url}")
        for login in self.logins:
            lines.append(f"  {login['role']:<10} {login['email']:<22} {login['password']}")
        return "\n".join(lines)


def read(home: Home) -> Status:
    """Query every process once. Raises `NotRunning`."""
    return asyncio.run(_read(home, _state_of(home)))


def control_of(home: Home) -> Path:
    """The supervisor's control socket. Raises `NotRunning`."""
    state = _state_of(home)
    if state["phase"] != "ready":
        raise NotRunning(f"the shop in {home.path} is {state['phase']}: wait until `serai status` reports ready")
    return Path(state["control"])


def _state_of(home: Home) -> dict[str, Any]:
    if not home.exists():
        raise NotRunning(f"there is no installation in {home.path}: `make up` or `serai up` makes one")
    state: dict[str, Any] | None = read_json(home.run)
    if state is None or not home.is_running():
        raise NotRunning(f"the shop in {home.path} is not running: start it with `make up` or `serai up`")
    return state


async def _read(home: Home, state: dict[str, Any]) -> Status:
    names = [*(service.name for service in topology.SERVICES), "gateway"]
    registered = await registry.instances(state["discovery"], names)
    rows = await asyncio.gather(*(_row(state, process, registered) for process in state["processes"]))
    endpoints = read_json(home.sandbox / "endpoints.json") or {}
    return Status(
        gateway=state["gateway"],
        gateways=state["gateways"],
        services=list(rows),
        sandbox={name: endpoints[name] for name in state["sandbox"] if name in endpoints},
        logins=keys.logins(home),
        ready=state["phase"] == "ready" and _all_passing(state["processes"], rows),
    )


def _all_passing(processes: list[dict[str, Any]], rows: list[Row]) -> bool:
    """Whether each slot has a passing process. Another process of the same slot that starts or stops does not
    matter."""
    passing = {process["slot"] for process, row in zip(processes, rows, strict=True) if row.health == "passing"}
    return passing == {process["slot"] for process in processes}


async def _row(
    state: dict[str, Any], process: dict[str, Any], registered: dict[str, registry.RegisteredInstance]
) -> Row:
    name, instance, pid = process["name"], process["instance"], process["pid"]
    address, version, healthy = "", __version__, False
    if pid is not None and psutil.pid_exists(pid):
        if name == "postgres":
            address, version = state["postgres"], server_version()
            host, _, port = address.rpartition(":")
            healthy = await accepts_connections(host, int(port))
        elif name == "gateway":
            address = urlsplit(process["url"]).netloc
            healthy = await _answers(f"{process['url']}/healthz", state["gateway_host"])
            # A gateway without an instance of some service is up, but cannot serve the whole shop.
            agent = registered.get(instance)
            healthy = healthy and agent is not None and agent.pid == pid and await _reaches_all(agent.address)
        elif name == "discovery":
            address = urlsplit(process["url"]).netloc
            healthy = await _answers(f"{process['url']}/readyz")
        elif name == "sandbox":
            address = state["sandbox_address"]
            healthy = process["state"] == "running"
        elif (known := registered.get(instance)) is not None and known.pid == pid:
            address, version, healthy = known.address, known.version, known.health == "passing"
    other = {"waiting": "starting", "starting": "starting", "stopping": "leaving"}.get(process["state"], "critical")
    health = "passing" if healthy else other
    return Row(name, instance, address, health, pid, version, memory_of_tree(pid))


async def _reaches_all(agent: str) -> bool:
    try:
        return all((await gateways.reachable_instances(agent)).values())
    except RequestFailed:
        return False


async def _answers(url: str, host: str = "") -> bool:
    try:
        return (await get(url, host=host))[0] == 200
    except RequestFailed:
        return False


def memory_of_tree(pid: int | None) -> int:
    """Resident memory of a process and its children.

    Pages that processes of one program share (PostgreSQL's buffers, a program's code) are counted once. Added up per
    process, twenty idle connections would look like half a gigabyte.
    """
    if pid is None:
        return 0
    own = 0
    shared: dict[str, int] = {}
    try:
        top = psutil.Process(pid)
        processes = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            memory, program = process.memory_info(), process.name()
        except psutil.NoSuchProcess:
            continue
        common = getattr(memory, "shared", 0)
        own += memory.rss - common
        shared[program] = max(shared.get(program, 0), common)
    return own + sum(shared.values())
