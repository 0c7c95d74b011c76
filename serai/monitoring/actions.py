"""Looking at every process: the registry says who there is, each says itself how it is doing.

One look serves everybody who asks within two seconds, so a wall of dashboards costs the shop no more than one.
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
from serai.monitoring.domain import Figures

log = logging.getLogger(__name__)

FRESH_S = 2.0
#: For the registry's answers together, and for each instance.
REGISTRY_DEADLINE_S, SCRAPE_DEADLINE_S = 2.5, 1.0
AT_ONCE = 8
MAX_INSTANCES = 500
MAX_METRICS_BYTES = 2_000_000

#: Registers like a service without being one of the topology's.
GATEWAY = "gateway"
NAMES = (GATEWAY, topology.DISCOVERY.name, *(service.name for service in topology.SERVICES))


class Overview:
    """What is known of the system, at most two seconds old."""

    def __init__(self, registry: Directory, discovery_urls: list[str]) -> None:
        self._registry = registry
        self._discovery_urls = discovery_urls
        self._looking = asyncio.Lock()
        self._looked_at = -FRESH_S
        self._services: Services | None = None
        self._known: tuple[InstanceHealth, ...] = ()
        self._known_at: datetime | None = None

    async def services(self) -> Services:
        async with self._looking:
            if self._services is None or time.monotonic() - self._looked_at > FRESH_S:
                self._services = await self._look()
                self._looked_at = time.monotonic()
            return self._services

    async def _look(self) -> Services:
        reachable = await self._ask_registry()
        timeout = aiohttp.ClientTimeout(total=SCRAPE_DEADLINE_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
            known = (*self._known, *await self._registries(session))
            pages = await asyncio.gather(*(_page(session, f"{one.instance.url}/metrics") for one in known))
        by_name: dict[str, list[ServiceInstance]] = {}
        for one, page in zip(known, pages, strict=True):
            by_name.setdefault(one.instance.service, []).append(_shown(one, page))
        items = []
        for name in domain.in_order(NAMES, by_name):
            instances = by_name.get(name, [])
            items.append(ServiceHealth(name, domain.overall([one.health for one in instances]), instances))
        return Services(items, None, RegistryState(reachable, self._known_at))

    async def _ask_registry(self) -> bool:
        """Bring what is known up to date; False when the registry has no answer."""
        try:
            async with asyncio.timeout(REGISTRY_DEADLINE_S):
                self._known = (await self._registry.health_state())[:MAX_INSTANCES]
        except (RegistryError, TimeoutError) as error:
            log.warning("the registry does not answer: %s", error or "too slow")
            return False
        self._known_at = datetime.now(UTC)
        return True

    async def _registries(self, session: aiohttp.ClientSession) -> list[InstanceHealth]:
        """The registry registers with nobody, so it is asked itself."""
        if any(one.instance.service == topology.DISCOVERY.name for one in self._known):
            return []
        found = []
        for number, url in enumerate(self._discovery_urls, start=1):
            parts = urlsplit(url)
            instance = Instance(f"discovery-{number}", "discovery", parts.hostname or "", parts.port or 80)
            ready = await _page(session, f"{instance.url}/readyz") is not None
            found.append(InstanceHealth(instance, "passing" if ready else "critical", None, ""))
        return found


async def _page(session: aiohttp.ClientSession, url: str) -> str | None:
    """What is there, if it answers well and in time."""
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


def _shown(one: InstanceHealth, page: str | None) -> ServiceInstance:
    figures: Figures | None = domain.figures(page) if page is not None else None
    host = f"[{one.instance.host}]" if ":" in one.instance.host else one.instance.host
    return ServiceInstance(
        instance=one.instance.id,
        address=f"{host}:{one.instance.port}",
        health=one.status,
        version=one.version,
        since=one.since,
        scraped=page is not None,
        requests_total=figures.requests if figures else None,
        error_rate=figures.error_rate if figures else None,
    )
