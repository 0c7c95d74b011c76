"""The agent: watches the registry and the user service, and configures Envoy from what they report.

The gateway serves without them. While the registry is down it uses the last addresses, while the user service is down
the last keys, and Envoy serves with its last good files whatever happens to the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any

import aiohttp
import msgspec
from prometheus_client import Counter, Gauge

from serai import __version__
from serai.chassis import telemetry
from serai.chassis.calls import directory
from serai.chassis.calls.registry import Instance, RegistryError, Watch
from serai.chassis.otlp import Exporter
from serai.gateway import tracing
from serai.gateway.agent_server import AgentServer
from serai.gateway.certificate import Certificate
from serai.gateway.config_rejections import COUNTERS, ConfigRejections
from serai.gateway.config_source import FileSource
from serai.gateway.envoy_process import EnvoyFailed, EnvoyProcess
from serai.gateway.envoy_resources import bootstrap, build_resources
from serai.gateway.jwks import fetch_jwks
from serai.gateway.last_known_good import LastKnownGood
from serai.gateway.resource_files import ResourceFiles
from serai.gateway.routes import Route
from serai.gateway.settings import GatewaySettings
from serai.gateway.system_state import SystemState, parse_endpoint
from serai.gateway.xds_server import XdsServer

log = logging.getLogger(__name__)

#: The service that publishes the keys of access tokens.
_KEYS_SERVICE = "user"
_KEYS_INTERVAL_S = 10.0
_CHECK_INTERVAL_S = 2.0
_LOG_DELAY_S = 0.1
#: Changes within this time are written together.
_DEBOUNCE_S = 0.01
_TASK_RESTART_S = 1.0
#: How long to wait at start for the registry. It answers within milliseconds, but may start later than the gateway.
_REGISTRY_WAIT_S = 2.0
#: How long deregistering may take. If it fails, the lease expires instead.
_NOTIFY_TIMEOUT_S = 1.0
#: While draining, connections without a request for this long are closed.
_IDLE_S = 0.5

INSTANCES = Gauge(
    "gateway_instances", "Passing instances known to the gateway.", ["callee"], registry=telemetry.REGISTRY
)
HEALTHY = Gauge(
    "gateway_instances_healthy",
    "Instances that Envoy would send a request to.",
    ["callee"],
    registry=telemetry.REGISTRY,
)
WRITES = Counter(
    "gateway_config_writes_total", "Times that new configuration was written for Envoy.", registry=telemetry.REGISTRY
)
REJECTED = Counter("gateway_config_rejected_total", "Resources that Envoy rejected.", registry=telemetry.REGISTRY)
STALE = Gauge(
    "gateway_config_stale",
    "Resources that Envoy serves in an older version because it rejected the newest.",
    registry=telemetry.REGISTRY,
)
RESTARTS = Gauge(
    "gateway_envoy_restarts", "Times that Envoy was restarted after it ended.", registry=telemetry.REGISTRY
)
OPEN = Gauge("gateway_open", "Whether the API is served.", registry=telemetry.REGISTRY)


class Agent:
    def __init__(
        self,
        settings: GatewaySettings,
        *,
        services: Collection[str],
        routes: list[Route],
        server: AgentServer,
        exporter: Exporter | None = None,
    ) -> None:
        """The API opens when all of `services` are available. Routes may lead to other services too. `exporter` sends
        the agent's own log lines."""
        self._exporter = exporter
        self._settings = settings
        self._required_services = sorted(services)
        self._services = sorted({*services, *(route.service for route in routes)})
        self._routes = routes
        self._server = server
        self._instance_id = settings.instance or f"gateway-{os.urandom(4).hex()}"
        self._folder = settings.home / "gateway"
        self._xds = XdsServer(token=settings.xds_token, registry_token=settings.registry_token)
        self._registry = directory.of(settings, "gateway")
        self._watches: dict[str, Watch] = {}
        self._changed = asyncio.Event()
        self._rejections = ConfigRejections()
        self._jwks: dict[str, Any] = {}
        self._last_known_good = LastKnownGood(self._folder)
        self._open = self._was_open = False
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then drains. Raises `EnvoyFailed` if Envoy cannot be started."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        host, port = await self._server.listen(
            self._settings.bind,
            ready=self._ready,
            detail=self._detail,
            envoy_metrics=self._envoy_metrics,
            extra_routes=self._xds.routes(),
        )
        agent_host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
        self._edge = self._settings.local_edge(FileSource(self._folder / "envoy"), agent_host, port)
        certificate = Certificate(self._edge.tls, self._folder / "envoy") if self._edge.tls else None
        if certificate is not None:
            certificate.load()
        self._remote_edge = self._settings.remote_edge(self._edge)
        self._files = ResourceFiles(self._folder / "envoy")
        self._jwks = self._last_known_good.load_jwks(self._settings.jwks)
        self._was_open = self._last_known_good.was_open(self._required_services)
        self._envoy = EnvoyProcess(
            self._folder / "envoy", bootstrap(self._edge), concurrency=self._settings.concurrency
        )
        try:
            for service in self._services:
                self._watches[service] = self._registry.watch(service)
            await self._wait_for_registry()
            self._apply()
            await self._envoy.start()
            for service, watch in self._watches.items():
                self._start_task(f"follow {service}", partial(self._watch_service, watch))
            self._start_task("apply", self._apply_forever)
            self._start_task("keys", self._poll_keys)
            self._start_task("look", self._monitor_envoy)
            self._start_task("envoy", partial(self._envoy.restart_on_exit, self._rewrite_files))
            if certificate is not None:
                self._start_task("certificate", certificate.watch)
            self._start_task("register", partial(self._register, host, port))
            if self._exporter is not None:
                self._start_task("sample", self._adjust_sampling)
                self._start_task("export", self._exporter.run)
            log.info("the gate is up", extra={"port": self._settings.port, "pid": self._envoy.pid})
            await stop.wait()
            await self._drain()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._envoy.stop()
            await self._registry.close()
            await self._server.close()
            if self._exporter is not None:
                await self._exporter.close()

    def _start_task(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(asyncio.create_task(self._restart_on_error(name, work), name=name))

    async def _restart_on_error(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs a task, and again after an unexpected error: a bug in one part must not stop the agent and with it
        Envoy.
        """
        while True:
            try:
                await work()
                return
            except Exception:
                log.exception("begins again after an error", extra={"task": name})
                telemetry.TASK_FAILURES.labels(name).inc()
                await asyncio.sleep(_TASK_RESTART_S)

    # Configuration of Envoy

    async def _wait_for_registry(self) -> None:
        """Waits until the registry has answered, so that a restarted gateway serves from its first request on.

        Without an answer in time the gateway starts without addresses.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REGISTRY_WAIT_S):
                await asyncio.gather(*(watch.changed(0) for watch in self._watches.values()))

    async def _watch_service(self, watch: Watch) -> None:
        seen = 0
        while True:
            seen = await watch.changed(seen)
            INSTANCES.labels(watch.service).set(len(watch.instances))
            for instance in watch.instances:
                if parse_endpoint(instance.host, instance.port) is None:
                    log.error("%s is at %s:%s, no address for the edge", instance.id, instance.host, instance.port)
            self._changed.set()

    async def _apply_forever(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_DEBOUNCE_S)
            self._changed.clear()
            try:
                self._apply()
            except OSError as error:
                # For example a full disk. Envoy keeps its configuration; try again.
                log.error("cannot write what envoy reads: %s", error)
                await asyncio.sleep(1.0)
                self._changed.set()

    def _apply(self) -> None:
        state = self._system_state()
        if self._files.write(build_resources(self._routes, state, self._edge)):
            WRITES.inc()
        if state.open and not self._was_open:
            self._last_known_good.save_opened(self._required_services)
            self._was_open = True
        if self._xds.enabled:
            # Other gateways do not drain when this one does.
            not_draining = msgspec.structs.replace(state, draining=False)
            self._xds.update(partial(build_resources, self._routes, not_draining, self._remote_edge))
        OPEN.set(state.open)

    def _system_state(self) -> SystemState:
        found = {
            name: tuple(e for instance in watch.instances if (e := parse_endpoint(instance.host, instance.port)))
            for name, watch in self._watches.items()
        }
        if not self._open and self._jwks and (self._was_open or all(found[name] for name in self._required_services)):
            self._open = True
            log.info("the API is open again" if self._was_open else "every service is there: the API is open")
        return SystemState(services=found, jwks=self._jwks, open=self._open, draining=self._draining)

    # Keys of access tokens

    async def _poll_keys(self) -> None:
        watch = self._watches[_KEYS_SERVICE]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while True:
                seen = watch.version
                for instance in watch.instances:
                    if await self._fetch_keys(session, instance):
                        break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_KEYS_INTERVAL_S):
                        await watch.changed(seen)

    async def _fetch_keys(self, session: aiohttp.ClientSession, instance: Instance) -> bool:
        try:
            keys = await fetch_jwks(session, instance.url)
            if keys != self._jwks:
                self._jwks = keys
                self._changed.set()
                self._last_known_good.save_jwks(keys)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("no keys from %s: %r", instance.id, error)
            return False
        return True

    # State of Envoy

    async def _monitor_envoy(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            RESTARTS.set(self._envoy.restarts)
            try:
                await self._check_rejections()
            except EnvoyFailed as error:
                log.warning("%s", error)

    async def _adjust_sampling(self) -> None:
        """Sets which share of the requests Envoy traces and logs to the collector, from the rate of requests."""
        loop = asyncio.get_running_loop()
        counted, counted_at = 0, loop.time()
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            try:
                found = await self._envoy.stats("^http\\.edge\\.downstream_rq_total$")
                requests, now = found.get("http.edge.downstream_rq_total", 0), loop.time()
                # Envoy counts from 0 again after a restart.
                rate = max(requests - counted, 0) / (now - counted_at)
                counted, counted_at = requests, now
                traced = tracing.share_for(rate, self._settings.traces_per_s)
                logged = tracing.share_for(rate, telemetry.LINES_PER_S)
                await self._envoy.set_runtime(
                    {tracing.TRACED: tracing.runtime_value(traced), tracing.LOGGED: tracing.runtime_value(logged)}
                )
            except EnvoyFailed as error:
                log.warning("%s", error)

    async def _check_rejections(self) -> None:
        before = dict(self._rejections.active)
        rejected = self._rejections.update(await self._envoy.stats(COUNTERS))
        if rejected:
            REJECTED.inc(len(rejected))
            # The log reaches this process later than the counters.
            await asyncio.sleep(_LOG_DELAY_S)
            self._rejections.set_reasons(rejected, self._envoy.log.take_reasons())
            for resource in rejected:
                why = self._rejections.active[resource]
                log.error("envoy refused what it was given and goes on with the %s it had: %s", resource, why)
            if not before.keys() & set(rejected):
                # Another program may have changed the files. Write them again, but only once per rejection.
                self._rewrite_files()
        for resource in before.keys() - self._rejections.active.keys():
            log.info("envoy has taken new %s", resource)
        STALE.set(len(self._rejections.active))

    def _rewrite_files(self) -> None:
        """Writes all files again, because Envoy restarts or has rejected one of them."""
        self._files.invalidate()
        self._changed.set()

    async def _ready(self) -> bool:
        return not self._draining and await self._envoy.is_live()

    async def _detail(self) -> dict[str, Any]:
        """Details for operators: healthy instances by service, and the resources that Envoy rejected, with reasons."""
        return {"healthy": await self._healthy(), "refused": self._rejections.active}

    async def _healthy(self) -> dict[str, int]:
        try:
            found = await self._envoy.healthy_instances()
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

    # Registration and shutdown

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
        """Shuts down without cutting requests off: fails the health check, serves on for a while, closes the listeners,
        waits for running requests, and deregisters.
        """
        log.info("leaving", extra={"signal": "TERM"})
        self._draining = True
        try:
            # First, so that every response that follows also closes its connection.
            await self._envoy.fail_health_check()
        except EnvoyFailed as error:
            log.warning("clients are not asked to close their connections: %r", error)
        self._apply()
        await self._notify_registry(self._registry.set_draining)
        try:
            await asyncio.sleep(self._settings.drain_spread_s)
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await self._envoy.drain_listeners()
                await self._wait_for_connections()
        except (TimeoutError, EnvoyFailed) as error:
            log.warning("leaving although not all requests have ended: %r", error)
        await self._notify_registry(self._registry.deregister)

    async def _wait_for_connections(self) -> None:
        """Waits until no connection is left, or none has had a request for `_IDLE_S`: a request may be on its way on a
        connection that looks idle."""
        loop = asyncio.get_running_loop()
        last_used_at = loop.time()
        while True:
            requests, connections = await self._envoy.active_counts()
            if requests:
                last_used_at = loop.time()
            if not connections or loop.time() - last_used_at > _IDLE_S:
                return
            await asyncio.sleep(0.05)

    async def _notify_registry(self, notify: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._settings.discovery_url:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NOTIFY_TIMEOUT_S):
                    await notify()
