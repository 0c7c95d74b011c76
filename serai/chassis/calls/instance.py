"""Instances of services, and watches that keep a service's instances up to date in memory."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Literal

import msgspec

#: The number of services that one process may watch.
MAX_WATCHES = 256
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Status = Literal["passing", "warning", "critical", "maintenance"]


class Instance(msgspec.Struct, frozen=True):
    """One process of a service and the address that it listens on."""

    id: str
    service: str
    host: str
    port: int
    meta: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class InstanceHealth(msgspec.Struct, frozen=True):
    """The registry's view of an instance. A real Consul does not report `since`, which is then None."""

    instance: Instance
    status: Status
    since: datetime | None
    output: str

    @property
    def version(self) -> str:
        return self.instance.meta.get("version", "")


class Watch:
    """The passing instances of one service, updated in the background. Reading them never waits.

    `version` counts the changes; 0 means that nothing is known yet.
    """

    def __init__(self, service: str) -> None:
        """Raises ValueError for an invalid service name."""
        if not NAME.fullmatch(service):
            raise ValueError(f"not a service name: {service!r}")
        self.service = service
        self.instances: tuple[Instance, ...] = ()
        self.version = 0
        self._next_change = asyncio.Event()

    async def changed(self, after: int | None = None) -> int:
        """Wait for a change and return the new version.

        Pass the last processed version as `after`, so that a change in the meantime is not missed.
        """
        seen = self.version if after is None else after
        while self.version <= seen:
            await self._next_change.wait()
        return self.version

    async def ready(self, timeout_s: float, *, at_least: int = 1) -> bool:
        """Whether at least that many instances are known within `timeout_s`, from the registry or from disk.

        With `at_least=0` a response of the registry is enough.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self.version == 0 or len(self.instances) < at_least:
                    await self.changed(self.version)
        except TimeoutError:
            return False
        return True

    def publish(self, instances: tuple[Instance, ...]) -> None:
        """Set the instances. Called by the directory that this watch belongs to."""
        if self.version and instances == self.instances:
            return
        self.instances = instances
        self.version += 1
        self._next_change.set()
        self._next_change = asyncio.Event()
