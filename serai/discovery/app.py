"""Assembles the registry. It is the first process to start, and is not registered anywhere."""

from __future__ import annotations

from typing import Annotated

from prometheus_client import Gauge

from serai import topology
from serai.chassis import telemetry
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.discovery import actions, api, store
from serai.discovery.blocking_queries import BlockingQueries
from serai.discovery.prober import prober

#: Interval of sweeps, and so about the longest delay until an expired lease is noticed.
SWEEP_S = 0.5

INSTANCES = Gauge(
    "registry_instances",
    "Instances by service and health (label `standing`).",
    ["service", "standing"],
    registry=telemetry.REGISTRY,
)
HELD = Gauge(
    "registry_held_instances",
    "Instances whose lease ran out but which the mass-expiry guard keeps; alert if above 0.",
    ["service"],
    registry=telemetry.REGISTRY,
)
WAITING = Gauge(
    "registry_blocking_queries", "Blocking queries that are waiting for a change.", registry=telemetry.REGISTRY
)


class DiscoverySettings(Settings, frozen=True, kw_only=True):
    registry_token: Annotated[str, Env("SERAI_REGISTRY_TOKEN", secret=True)]


def create(settings: DiscoverySettings | None = None) -> Service:
    settings = settings or load(DiscoverySettings)
    if not settings.registry_token:
        raise SettingsError(["SERAI_REGISTRY_TOKEN is empty; anyone could register"])
    service = Service(topology.DISCOVERY, settings)
    blocking_queries = BlockingQueries(service.database)
    service.routes(api.Deps(service.database, blocking_queries), api.routers(settings.registry_token))
    service.on_drain.append(blocking_queries.leave)
    WAITING.set_function(lambda: blocking_queries.count)
    service.background("listen", blocking_queries.listen)
    service.background("probe", prober(service.database))

    async def sweep() -> None:
        await actions.sweep(service.database)
        async with service.database.connection() as conn:
            _set_gauges(await store.count_by_health(conn))

    service.every("sweep", SWEEP_S, sweep)
    return service


def _set_gauges(count_by_health: list[store.HealthCount]) -> None:
    INSTANCES.clear()
    HELD.clear()
    protected: dict[str, int] = {}
    for group in count_by_health:
        INSTANCES.labels(group.service, group.health).set(group.instances)
        protected[group.service] = protected.get(group.service, 0) + group.protected
    for service, count in protected.items():
        HELD.labels(service).set(count)
