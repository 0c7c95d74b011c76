"""The loop of the gateway: what the registry and the user service say becomes what Envoy reads.

The edge depends on none of them. With the registry away it goes on with the last addresses, with the user service
away with the last keys, and Envoy serves with its last good files whatever happens here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import msgspec
from prometheus_client import Counter, Gauge

from serai import __version__
from serai.chassis import telemetry
from serai.chassis.calls import directory
from serai.chassis.calls.registry import Instance, RegistryError, Watch
from serai.gateway.certificate import Certificate
from serai.gateway.edge import Edge
from serai.gateway.envoy import bootstrap, resources
from serai.gateway.files import Files
from serai.gateway.kept import Kept
from serai.gateway.pages import Pages
from serai.gateway.process import Envoy, EnvoyFailed
from serai.gateway.refusals import COUNTERS, Refusals
from serai.gateway.routes import Route
from serai.gateway.settings import GatewaySettings
from serai.gateway.snapshot import Snapshot, endpoint, public_keys
from serai.gateway.sources import FromFiles, FromOutlet
from serai.gateway.xds import Outlet

log = logging.getLogger(__name__)

#: The service that publishes the keys of access tokens.
IDENTITY = "user"
_KEYS_EVERY_S = 10.0
_LOOK_EVERY_S = 2.0
_LOG_BEHIND_S = 0.1
#: Changes that come together are written together.
_GATHER_S = 0.01
_BEGIN_AGAIN_S = 1.0
#: A registry answers within milliseconds. The gateway of a shop that starts is there before it, and before everybody.
_FIRST_NEWS_S = 2.0
#: What the registry may take to hear that we leave; the lease says it otherwise.
_FAREWELL_S = 1.0
#: Connections that nobody has used for this long while we wait for the last requests go with us.
_UNUSED_S = 0.5
_MAX_KEYS_BYTES = 64 * 1024

INSTANCES = Gauge(
    "gateway_instances", "Passing instances known to the gateway.", ["callee"], registry=telemetry.REGISTRY
)
HEALTHY = Gauge(
    "gateway_instances_healthy",
    "Instances that the edge would send a request to.",
    ["callee"],
    registry=telemetry.REGISTRY,
)
WRITES = Counter(
    "gateway_config_writes_total", "Times that Envoy was given something new.", registry=telemetry.REGISTRY
)
REJECTED = Counter(
    "gateway_config_rejected_total", "Times that Envoy refused what it was given.", registry=telemetry.REGISTRY
)
STALE = Gauge(
    "gateway_config_stale",
    "Kinds of resources that Envoy serves in an older version, having refused the newest.",
    registry=telemetry.REGISTRY,
)
RESTARTS = Gauge("gateway_envoy_restarts", "Times that Envoy had to be started again.", registry=telemetry.REGISTRY)
OPEN = Gauge("gateway_open", "Whether the API is served.", registry=telemetry.REGISTRY)


class Agent:
    def __init__(
        self, settings: GatewaySettings, *, services: Collection[str], routes: list[Route], pages: Pages
    ) -> None:
        """`services` are those that must all be there before the API opens; routes may lead to others too."""
        self._settings = settings
        self._needed = sorted(services)
        self._services = sorted({*services, *(route.service for route in routes)})
        self._routes = routes
        self._pages = pages
        self._instance_id = settings.instance or f"gateway-{os.urandom(4).hex()}"
        self._folder = settings.home / "gateway"
        self._outlet = Outlet(token=settings.xds_token, registry_token=settings.registry_token)
        self._registry = directory.of(settings, "gateway")
        self._watches: dict[str, Watch] = {}
        self._news = asyncio.Event()
        self._refusals = Refusals()
        self._jwks: dict[str, Any] = {}
        self._kept = Kept(self._folder)
        self._open = self._was_open = False
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain. Raises `EnvoyFailed` when the edge cannot be brought up."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        host, port = await self._pages.listen(
            self._settings.bind,
            ready=self._ready,
            detail=self._detail,
            envoy_metrics=self._envoy_metrics,
            more=self._outlet.routes(),
        )
        self._edge = self._set_up(host, port)
        certificate = Certificate(self._edge.tls, self._folder / "envoy") if self._edge.tls else None
        if certificate is not None:
            certificate.take()
        self._outlet_edge = self._set_up_elsewhere(port)
        self._files = Files(self._folder / "envoy")
        self._jwks = self._kept.keys(self._settings.jwks)
        self._was_open = self._kept.was_open(self._needed)
        self._envoy = Envoy(self._folder / "envoy", bootstrap(self._edge), concurrency=self._settings.concurrency)
        try:
            for service in self._services:
                self._watches[service] = self._registry.watch(service)
            await self._first_news()
            self._apply()
            await self._envoy.start()
            for service, watch in self._watches.items():
                self._begin(f"follow {service}", partial(self._follow, watch))
            self._begin("apply", self._apply_forever)
            self._begin("keys", self._learn_keys_forever)
            self._begin("look", self._look_forever)
            self._begin("envoy", partial(self._envoy.keep_alive, self._write_again))
            if certificate is not None:
                self._begin("certificate", certificate.follow)
            self._begin("register", partial(self._register, host, port))
            log.info("the gate is up", extra={"port": self._settings.port, "pid": self._envoy.pid})
            await stop.wait()
            await self._drain()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._envoy.stop()
            await self._registry.close()
            await self._pages.close()

    def _begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(asyncio.create_task(self._persist(name, work), name=name))

    async def _persist(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A surprise in one part of the agent must not end it, and the edge with it: the part begins again."""
        while True:
            try:
                await work()
                return
            except Exception:
                log.exception("begins again after an error", extra={"task": name})
                telemetry.TASK_FAILURES.labels(name).inc()
                await asyncio.sleep(_BEGIN_AGAIN_S)

    def _set_up(self, host: str, port: int) -> Edge:
        settings = self._settings
        return Edge(
            bind=settings.gateway_bind,
            port=settings.port,
            source=FromFiles(self._folder / "envoy"),
            agent_host="127.0.0.1" if host in ("0.0.0.0", "::") else host,  # noqa: S104 - compared, not bound
            agent_port=port,
            hosts=settings.host_names(),
            trusted_hops=settings.trusted_hops,
            cors_origins=settings.origins(),
            limits=settings.limits(),
            max_body_bytes=settings.max_body_bytes,
            headers_timeout_s=settings.headers_timeout_s,
            request_timeout_s=settings.request_timeout_s,
            tls=settings.tls(),
            access_log=settings.access_log,
            access_log_sample=settings.access_log_sample,
        )

    def _set_up_elsewhere(self, port: int) -> Edge:
        """The same for an Envoy that asks us: it may be on another machine, where only our own address leads here."""
        host, _, listen_port = self._settings.xds_listen.rpartition(":")
        return replace(
            self._edge,
            source=FromOutlet(),
            bind=host.strip("[]") or self._edge.bind,
            port=int(listen_port or self._edge.port),
            agent_host=self._settings.advertise or self._edge.agent_host,
            agent_port=port,
        )

    # From news to files

    async def _first_news(self) -> None:
        """Open the gate with what the registry says, so that one that comes back serves from its first request on.
        Where nobody says anything, it opens with nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_NEWS_S):
                await asyncio.gather(*(watch.changed(0) for watch in self._watches.values()))

    async def _follow(self, watch: Watch) -> None:
        seen = 0
        while True:
            seen = await watch.changed(seen)
            INSTANCES.labels(watch.service).set(len(watch.instances))
            for instance in watch.instances:
                if endpoint(instance.host, instance.port) is None:
                    log.error("%s is at %s:%s, no address for the edge", instance.id, instance.host, instance.port)
            self._news.set()

    async def _apply_forever(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_GATHER_S)
            self._news.clear()
            try:
                self._apply()
            except OSError as error:
                # A full disk: Envoy keeps what it has, and we try again.
                log.error("cannot write what envoy reads: %s", error)
                await asyncio.sleep(1.0)
                self._news.set()

    def _apply(self) -> None:
        snapshot = self._snapshot()
        if self._files.write(resources(self._routes, snapshot, self._edge)):
            WRITES.inc()
        if snapshot.open and not self._was_open:
            self._kept.keep_open(self._needed)
            self._was_open = True
        if self._outlet.wanted:
            # That this gateway leaves is no news for another one.
            staying = msgspec.structs.replace(snapshot, draining=False)
            self._outlet.offer(partial(resources, self._routes, staying, self._outlet_edge))
        OPEN.set(snapshot.open)

    def _snapshot(self) -> Snapshot:
        found = {
            name: tuple(e for instance in watch.instances if (e := endpoint(instance.host, instance.port)))
            for name, watch in self._watches.items()
        }
        if not self._open and self._jwks and (self._was_open or all(found[name] for name in self._needed)):
            self._open = True
            log.info("the API is open again" if self._was_open else "every service is there: the API is open")
        return Snapshot(services=found, jwks=self._jwks, open=self._open, draining=self._draining)

    # Keys of access tokens

    async def _learn_keys_forever(self) -> None:
        watch = self._watches[IDENTITY]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while True:
                seen = watch.version
                for instance in watch.instances:
                    if await self._learn_keys(session, instance):
                        break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_KEYS_EVERY_S):
                        await watch.changed(seen)

    async def _learn_keys(self, session: aiohttp.ClientSession, instance: Instance) -> bool:
        try:
            async with session.get(f"{instance.url}/.well-known/jwks.json", allow_redirects=False) as response:
                response.raise_for_status()
                keys = public_keys(await _bounded(response))
            if keys != self._jwks:
                self._jwks = keys
                self._news.set()
                self._kept.keep_keys(keys)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("no keys from %s: %r", instance.id, error)
            return False
        return True

    # How Envoy is

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            RESTARTS.set(self._envoy.restarts)
            try:
                await self._look()
            except EnvoyFailed as error:
                log.warning("%s", error)

    async def _look(self) -> None:
        before = dict(self._refusals.standing)
        refused = self._refusals.look(await self._envoy.stats(COUNTERS))
        if refused:
            REJECTED.inc(len(refused))
            # Its log takes another way to us than its counters.
            await asyncio.sleep(_LOG_BEHIND_S)
            self._refusals.explain(refused, self._envoy.log.reasons())
            for what in refused:
                why = self._refusals.standing[what]
                log.error("envoy refused what it was given and goes on with the %s it had: %s", what, why)
            if not before.keys() & set(refused):
                # Somebody else may have written there. What we would write is tried once more, not for ever.
                self._write_again()
        for what in before.keys() - self._refusals.standing.keys():
            log.info("envoy has taken new %s", what)
        STALE.set(len(self._refusals.standing))

    def _write_again(self) -> None:
        """Every file, whatever is there: Envoy starts anew, or does not like what it has read."""
        self._files.forget()
        self._news.set()

    async def _ready(self) -> bool:
        return not self._draining and await self._envoy.live()

    async def _detail(self) -> dict[str, Any]:
        """For who looks after the edge: instances that it would use, by service, and what Envoy refused, and why."""
        return {"healthy": await self._healthy(), "refused": self._refusals.standing}

    async def _healthy(self) -> dict[str, int]:
        try:
            found = await self._envoy.healthy()
        except EnvoyFailed:
            found = {}
        healthy = {service: found.get(service, 0) for service in self._services}
        for service, count in healthy.items():
            HEALTHY.labels(service).set(count)
        return healthy

    async def _envoy_metrics(self) -> str:
        await self._healthy()
        try:
            return await self._envoy.prometheus()
        except EnvoyFailed:
            return ""

    # Coming and going

    async def _register(self, host: str, port: int) -> None:
        if not self._settings.discovery_url:
            return
        advertised = self._settings.advertise or host
        instance = Instance(
            self._instance_id,
            "gateway",
            advertised,
            port,
            {"version": __version__, "pid": str(os.getpid()), "public_url": self._settings.public_url},
        )
        with contextlib.suppress(RegistryError):
            await self._registry.register(instance)
        await self._registry.heartbeat_forever()

    async def _drain(self) -> None:
        """Say that we leave, serve those who have not heard it yet, let nobody new in, wait for what is running, give
        the lease up."""
        log.info("leaving", extra={"signal": "TERM"})
        self._draining = True
        try:
            # First of all, so that whoever learns of our leaving finds every connection closing behind its answer.
            await self._envoy.ask_to_leave()
        except EnvoyFailed as error:
            log.warning("clients are not asked to leave: %r", error)
        self._apply()
        await self._tell_registry(self._registry.set_draining)
        try:
            await asyncio.sleep(self._settings.drain_spread_s)
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await self._envoy.close_to_new()
                await self._finish()
        except (TimeoutError, EnvoyFailed) as error:
            log.warning("leaving although not everything has ended: %r", error)
        await self._tell_registry(self._registry.deregister)

    async def _finish(self) -> None:
        """Until no connection is left, or nobody has used those that are left for a while: a request may be on its
        way through a connection on which none is running."""
        loop = asyncio.get_running_loop()
        used_at = loop.time()
        while True:
            requests, connections = await self._envoy.active()
            if requests:
                used_at = loop.time()
            if not connections or loop.time() - used_at > _UNUSED_S:
                return
            await asyncio.sleep(0.05)

    async def _tell_registry(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._settings.discovery_url:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await farewell()


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > _MAX_KEYS_BYTES:
            raise ValueError(f"a key set of more than {_MAX_KEYS_BYTES} bytes")
    return bytes(answer)
