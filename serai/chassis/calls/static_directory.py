"""Finding services without a registry: from a list that an operator, or the tool that starts the processes, keeps.

Nobody registers and nobody sends heartbeats, so the list says where instances may be, not which are well: Envoy checks
them itself, and a client lets one rest that has just failed it. A list in a file is read again when it changes, and one
that turns out malformed changes nothing.
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
#: How often it is looked at whether the file has changed.
LOOK_EVERY_S = 1.0

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})")

Services = dict[str, tuple[Instance, ...]]


class Malformed(ValueError):
    """A list that cannot be used; `problems` says all that is wrong with it."""

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
    """The list as a process sees it. `path` is the file it came from, if it came from one."""

    def __init__(self, text: str, path: Path | None = None) -> None:
        """Raises `Malformed`."""
        self._services = parse(text)
        self._path = path
        self._watches: dict[str, Watch] = {}
        self._looking: asyncio.Task[None] | None = None

    async def register(self, instance: Instance, ttl_s: float = 10) -> None:
        """Nothing: whoever keeps the list knows."""

    async def heartbeat_forever(self) -> None:
        await asyncio.Event().wait()

    async def set_draining(self) -> None:
        """Nothing: that an instance leaves is seen by its `/readyz`."""

    async def deregister(self) -> None:
        """Nothing."""

    def watch(self, service: str) -> Watch:
        """The listed instances; they change when the file does. Raises ValueError as the registry's client does."""
        if service not in self._watches:
            if len(self._watches) >= MAX_WATCHES:
                raise ValueError(f"more than {MAX_WATCHES} services watched")
            watch = self._watches[service] = Watch(service)
            if service not in self._services:
                log.warning("%s lists no address of %s", SETTING, service)
            watch.publish(self._services.get(service, ()))
            if self._path is not None and self._looking is None:
                self._looking = asyncio.create_task(self._look_forever(self._path), name="static services")
        return self._watches[service]

    async def services(self) -> dict[str, list[str]]:
        return {name: [] for name in self._services}

    async def health_state(self) -> tuple[InstanceHealth, ...]:
        listed = [instance for instances in self._services.values() for instance in instances]
        ordered = sorted(listed, key=lambda instance: (instance.service, instance.id))
        return tuple(InstanceHealth(instance, "passing", None, "listed") for instance in ordered)

    async def close(self) -> None:
        self._watches.clear()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_forever(self, path: Path) -> None:
        # Begins by reading: the file may have changed since the settings were read.
        seen: tuple[int, ...] = ()
        complaint = ""
        while True:
            try:
                found = await asyncio.to_thread(_state, path)
                if found != seen:
                    services = parse(await asyncio.to_thread(_read, path))
                    seen = found
                    self._learn(services)
                if complaint:
                    log.info("%s can be read again", path)
                complaint = ""
            except (OSError, Malformed) as error:
                if str(error) != complaint:
                    complaint = str(error)
                    log.error("%s is not usable, the addresses stay as they were: %s", path, complaint)
            await asyncio.sleep(LOOK_EVERY_S)

    def _learn(self, services: Services) -> None:
        self._services = services
        for name, watch in self._watches.items():
            watch.publish(services.get(name, ()))


def _state(path: Path) -> tuple[int, ...]:
    """Another one after every change, be it written in place or put in its place."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
