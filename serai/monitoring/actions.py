"""Collects the state of every instance: health from the registry, figures from the instance's own metrics.

A collected state is used for two seconds, so the load does not depend on the number of dashboards.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from serai import topology
from serai.chassis.calls.directory import Directory
from serai.chassis.calls.registry import Instance, InstanceHealth, RegistryError
from serai.contracts.monitoring import RegistryState, ServiceHealth, ServiceInstance, Services
from serai.monitoring import domain
from serai.monitoring.domain import RequestCounts

log = logging.getLogger(__name__)

MAX_AGE_S = 2.0
#: Timeout of the query of the registry, and of the scrape of each instance.
REGISTRY_DEADLINE_S, SCRAPE_DEADLINE_S = 2.5, 1.0
MAX_CONCURRENT_SCRAPES = 8
MAX_INSTANCES = 500
MAX_METRICS_BYTES = 2_000_000

#: The gateway registers like a service but is not in the topology.
GATEWAY = "gateway"
NAMES = (GATEWAY, topology.DISCOVERY.name, *(service.name for service in topology.SERVICES))


class Overview:
    """The state of the system, at most `MAX_AGE_S` old."""

    def __init__(self, registry: Directory, discovery_urls: list[str]) -> None:
        self._registry = registry
        self._discovery_urls = discovery_urls
        self._lock = asyncio.Lock()
        self._collected_at = -MAX_AGE_S
        self._services: Services | None = None
        self._instances: tuple[InstanceHealth, ...] = ()
        self._fetched_at: datetime | None = None

    async def services(self) -> Services:
        async with self._lock:
            if self._services is None or time.monotonic() - self._collected_at > MAX_AGE_S:
                self._services = await self._collect()
                self._collected_at = time.monotonic()
            return self._services

    async def _collect(self) -> Services:
        reachable = await self._fetch_instances()
        timeout = aiohttp.ClientTimeout(total=SCRAPE_DEADLINE_S)
        connector = aiohttp.TCPConnector(limit=MAX_CONCURRENT_SCRAPES)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            known = (*self._instances, *await self._registry_instances(session))
            pages = await asyncio.gather(*(_get(session, f"{one.instance.url}/metrics") for one in known))
        by_name: dict[str, list[ServiceInstance]] = {}
        for one, page in zip(known, pages, strict=True):
            by_name.setdefault(one.instance.service, []).append(_service_instance(one, page))
        items = []
        for name in domain.ordered_names(NAMES, by_name):
            instances = by_name.get(name, [])
            items.append(ServiceHealth(name, domain.overall([one.health for one in instances]), instances))
        return Services(items, None, RegistryState(reachable, self._fetched_at))

    async def _fetch_instances(self) -> bool:
        """Updates the instances from the registry. Returns False, and keeps the last ones, if it does not answer."""
        try:
            async with asyncio.timeout(REGISTRY_DEADLINE_S):
                self._instances = (await self._registry.health_state())[:MAX_INSTANCES]
        except (RegistryError, TimeoutError) as error:
            log.warning("the registry does not answer: %s", error or "too slow")
            return False
        self._fetched_at = datetime.now(UTC)
        return True

    async def _registry_instances(self, session: aiohttp.ClientSession) -> list[InstanceHealth]:
        """The instances of the registry, which is not registered itself. They are probed at their configured URLs."""
        if any(one.instance.service == topology.DISCOVERY.name for one in self._instances):
            return []
        found = []
        for number, url in enumerate(self._discovery_urls, start=1):
            parts = urlsplit(url)
            instance = Instance(f"discovery-{number}", "discovery", parts.hostname or "", parts.port or 80)
            ready = await _get(session, f"{instance.url}/readyz") is not None
            found.append(InstanceHealth(instance, "passing" if ready else "critical", None, ""))
        return found


async def _get(session: aiohttp.ClientSession, url: str) -> str | None:
    """The body of a 200 response; None for any other status, an error, or a too large body."""
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return None
            page = b""
            async for chunk in response.content.iter_any():
                page += chunk
                if len(page) > MAX_METRICS_BYTES:
                    return None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
    return page.decode(errors="replace")


def _service_instance(one: InstanceHealth, page: str | None) -> ServiceInstance:
    counts: RequestCounts | None = domain.parse_metrics(page) if page is not None else None
    host = f"[{one.instance.host}]" if ":" in one.instance.host else one.instance.host
    return ServiceInstance(
        instance=one.instance.id,
        address=f"{host}:{one.instance.port}",
        health=one.status,
        version=one.version,
        since=one.since,
        scraped=page is not None,
        requests_total=counts.requests if counts else None,
        error_rate=counts.error_rate if counts else None,
    )
