"""The interface by which a process registers itself and finds others, and the choice of its implementation.

`builtin` is the registry, ours or a real Consul at another URL. `static` is a list that others maintain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from serai.chassis.calls import proof, static_directory
from serai.chassis.calls.instance import Instance, InstanceHealth, Watch
from serai.chassis.calls.registry import Registry
from serai.chassis.calls.static_directory import StaticDirectory
from serai.chassis.settings import Settings


class Directory(Protocol):
    """Registers this process and lists the instances of services. `Registry` documents what each method promises and
    raises."""

    async def register(self, instance: Instance, ttl_s: float = 10) -> None: ...
    async def heartbeat_forever(self) -> None: ...
    async def set_draining(self) -> None: ...
    async def deregister(self) -> None: ...
    def watch(self, service: str) -> Watch: ...
    async def services(self) -> dict[str, list[str]]: ...
    async def health_state(self) -> tuple[InstanceHealth, ...]: ...
    async def close(self) -> None: ...


def of(settings: Settings, process: str) -> Directory:
    """The directory of `process`, a service or the gateway. Raises ValueError where `problems` reports any."""
    if settings.discovery == "static":
        return StaticDirectory(settings.static_services, settings.static_services_file)
    return Registry(
        [url for url in settings.discovery_url.split(",") if url],
        settings.registry_token,
        cache_dir=settings.home / "registry" / process,
        key=settings.service_key,
        keys=settings.service_keys,
    )


def problems(settings: Settings, finds: Iterable[str]) -> list[str]:
    """Why a process with these settings could not find the services `finds`; empty when it can."""
    if settings.discovery == "static":
        # The list is trusted: it comes from the same source as the settings.
        try:
            static_directory.parse(settings.static_services)
        except static_directory.Malformed as error:
            return error.problems
        return []
    try:
        proof.Proofs(settings.service_keys)
    except ValueError as error:
        return [f"SERAI_SERVICE_KEYS is not acceptable: {error}"]
    if settings.local:
        return []
    return [
        f"SERAI_SERVICE_KEYS has no key of {name}, by which it proves its name"
        for name in finds
        if name not in settings.service_keys
    ]
