"""The registry's process. It is the first one up and registers with nobody."""

from __future__ import annotations

import asyncio
from typing import Annotated

from prometheus_client import Gauge

from serai import topology
from serai.chassis import telemetry
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.discovery import actions, api, store
from serai.discovery.probing import prober
from serai.discovery.watch import Watchers

#: How often leases are looked at, and so how late one may be found to have ended.
SWEEP_S = 0.5

INSTANCES = Gauge(
    "registry_instances", "Instances by what others see of them.", ["service", "standing"], registry=telemetry.REGISTRY
)
HELD = Gauge(
    "registry_held_instances",
    "Silent instances that only the mass-expiry guard keeps; above 0 is an alert.",
    ["service"],
    registry=telemetry.REGISTRY,
)
WAITING = Gauge("registry_blocking_queries", "Blocking queries that wait for news.", registry=telemetry.REGISTRY)


class DiscoverySettings(Settings, frozen=True, kw_only=True):
    registry_token: Annotated[str, Env("SERAI_REGISTRY_TOKEN", secret=True)]


def create(settings: DiscoverySettings | None = None) -> Service:
    settings = settings or load(DiscoverySettings)
    if not settings.registry_token:
        raise SettingsError(["SERAI_REGISTRY_TOKEN is empty; anybody could register"])
    service = Service(topology.DISCOVERY, settings)
    watchers = Watchers(service.database)
    service.routes(api.Deps(service.database, watchers), api.routers(settings.registry_token))
    service.on_drain.append(watchers.leave)
    WAITING.set_function(lambda: watchers.count)
    service.background("listen", watchers.listen)
    service.background("probe", prober(service.database))

    async def sweep() -> None:
        while True:
            await actions.sweep(service.database)
            async with service.database.connection() as conn:
                _show(await store.census(conn))
            await asyncio.sleep(SWEEP_S)

    service.background("sweep", sweep)
    return service


def _show(census: list[store.Tally]) -> None:
    INSTANCES.clear()
    HELD.clear()
    held: dict[str, int] = {}
    for tally in census:
        INSTANCES.labels(tally.service, tally.standing).set(tally.instances)
        held[tally.service] = held.get(tally.service, 0) + tally.held
    for service, count in held.items():
        HELD.labels(service).set(count)
