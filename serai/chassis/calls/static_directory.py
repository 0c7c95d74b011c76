"""Service discovery without a registry: from a list kept by an operator or by the tool that starts the processes.

Nothing registers and nothing sends heartbeats, so the list says where instances may be, not whether they are healthy.
Envoy runs health checks, and clients eject an instance that has just failed. A list in a file is read again when the
file changes. A malformed file changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

import msgspec

from serai.chassis.calls.instance import MAX_WATCHES, NAME, Instance, InstanceHealth, Watch

log = logging.getLogger(__name__)

SETTING = "SERAI_STATIC_SERVICES"
MAX_BYTES = 1 << 20
MAX_INSTANCES = 1000
#: How often the file is checked for changes.
CHECK_INTERVAL_S = 1.0

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})")

Services = dict[str, tuple[Instance, ...]]


class Malformed(ValueError):
    """The list cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = [f"{SETTING}: {problem}" for problem in problems]
        super().__init__("; ".join(self.problems))


def parse(text: str | bytes) -> Services:
    """`{"order": ["10.0.0.5:8001", "[::1]:8001"]}`. Raises `Malformed`."""
    if not text:
        raise Malformed(["is missing; SERAI_DISCOVERY=static finds services by it"])
    try:
        listed = msgspec.json.decode(text, type=dict[str, list[str]])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Malformed([f'not JSON of the form {{"order": ["10.0.0.5:8001"]}}: {error}']) from None
    problems = []
    if len(text) > MAX_BYTES or len(listed) > MAX_WATCHES:
        raise Malformed([f"more than {MAX_BYTES} bytes or {MAX_WATCHES} services"])
    services: Services = {}
    for name, addresses in listed.items():
        if not NAME.fullmatch(name):
            problems.append(f"{name!r} is not a service name")
        if len(addresses) > MAX_INSTANCES:
            problems.append(f"{name} has more than {MAX_INSTANCES} addresses")
        instances: dict[str, Instance] = {}
        for address in addresses[:MAX_INSTANCES]:
            match = _ADDRESS.fullmatch(address)
            if match is None or not 0 < int(match["port"]) < 65536:
                problems.append(f"{name}: {address!r} is not host:port")
            elif address in instances:
                problems.append(f"{name}: {address} is listed twice")
            else:
                host = match["v6"] or match["host"]
                instances[address] = Instance(f"{name}@{address}", name, host, int(match["port"]))
        services[name] = tuple(instances.values())
    if problems:
        raise Malformed(problems)
    return services


class StaticDirectory:
    """The parsed list. `path` is the file that it was read from, if any."""

    def __init__(self, text: str, path: Path | None = None) -> None:
        """Raises `Malformed`."""
        self._services = parse(text)
        self._path = path
        self._watches: dict[str, Watch] = {}
        self._checking: asyncio.Task[None] | None = None

    async def register(self, instance: Instance, ttl_s: float = 10) -> None:
        """Does nothing: the list is kept by others."""

    async def heartbeat_forever(self) -> None:
        await asyncio.Event().wait()

    async def set_draining(self) -> None:
        """Does nothing: health checks of `/readyz` notice an instance that drains."""

    async def deregister(self) -> None:
        """Does nothing."""

    def watch(self, service: str) -> Watch:
        """The listed instances, updated when the file changes. Raises ValueError as `Registry.watch` does."""
        if service not in self._watches:
            if len(self._watches) >= MAX_WATCHES:
                raise ValueError(f"more than {MAX_WATCHES} services watched")
            watch = self._watches[service] = Watch(service)
            if service not in self._services:
                log.warning("%s lists no address of %s", SETTING, service)
            watch.publish(self._services.get(service, ()))
            if self._path is not None and self._checking is None:
                self._checking = asyncio.create_task(self._check_forever(self._path), name="static services")
        return self._watches[service]

    async def services(self) -> dict[str, list[str]]:
        return {name: [] for name in self._services}

    async def health_state(self) -> tuple[InstanceHealth, ...]:
        listed = [instance for instances in self._services.values() for instance in instances]
        ordered = sorted(listed, key=lambda instance: (instance.service, instance.id))
        return tuple(InstanceHealth(instance, "passing", None, "listed") for instance in ordered)

    async def close(self) -> None:
        self._watches.clear()
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    async def _check_forever(self, path: Path) -> None:
        # Read the file first: it may have changed since the settings were read.
        seen: tuple[int, ...] = ()
        last_error = ""
        while True:
            try:
                found = await asyncio.to_thread(_state, path)
                if found != seen:
                    services = parse(await asyncio.to_thread(_read, path))
                    seen = found
                    self._update(services)
                if last_error:
                    log.info("%s can be read again", path)
                last_error = ""
            except (OSError, Malformed) as error:
                if str(error) != last_error:
                    last_error = str(error)
                    log.error("%s is not usable; keeping the previous addresses: %s", path, last_error)
            await asyncio.sleep(CHECK_INTERVAL_S)

    def _update(self, services: Services) -> None:
        self._services = services
        for name, watch in self._watches.items():
            watch.publish(services.get(name, ()))


def _state(path: Path) -> tuple[int, ...]:
    """Identifies a version of the file. Differs after every change, whether the file was written in place or
    replaced."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
