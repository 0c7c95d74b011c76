"""The base of every service: routes with a declared policy, strict input, problem documents, probes, metrics, and one
lifecycle for its database, clients, feeds and background tasks.

    def create() -> Service:
        settings = load(ProductSettings)
        service = Service(topology.service("product"), settings)
        deps = Deps(service.database, ...)
        service.routes(deps, [api.list_products, ...])
        return service
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

from litestar import Litestar, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery
from litestar.response import Response
from litestar.types import ControllerRouterHandler

from serai import __version__
from serai.chassis import telemetry, tracing
from serai.chassis.auth.principal import SessionFacts
from serai.chassis.auth.signer import Signer
from serai.chassis.auth.tokens import KeySet
from serai.chassis.auth.verifier import Verifier
from serai.chassis.calls import directory
from serai.chassis.calls.client import Calls, ServiceClient
from serai.chassis.data.database import Database
from serai.chassis.data.feed import Events, Feed
from serai.chassis.data.feed_reader import Apply, FeedClient, FeedReader
from serai.chassis.data.idempotency import prune as prune_idempotency
from serai.chassis.errors import NotFound, Unavailable
from serai.chassis.http import edge
from serai.chassis.otlp import Exporter
from serai.chassis.process.jobs import Worker
from serai.chassis.settings import Settings, SettingsError
from serai.chassis.tracing import Tracer

log = logging.getLogger(__name__)

#: The service that holds users, sessions and the keys of access tokens.
IDENTITY = "user"
MAX_BODY_BYTES = 1024 * 1024


class ServiceDeclaration(Protocol):
    """What the chassis needs to know about a service; `serai.topology` declares it."""

    @property
    def name(self) -> str: ...
    @property
    def database(self) -> bool: ...
    @property
    def scans(self) -> bool: ...
    @property
    def calls(self) -> tuple[str, ...]: ...
    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def roles(self) -> Mapping[str, frozenset[str]]: ...


class IdentityClient(ServiceClient):
    """Calls that every service makes to the user service: whether a session is alive, and the keys that sign its
    tokens."""

    callee = IDENTITY

    async def session(self, session_id: UUID) -> SessionFacts | None:
        """The current user of the session, or None when it has ended."""
        try:
            return await self._call(
                "session", "GET", f"/internal/sessions/{session_id}", SessionFacts, timeout_s=2.0, retryable=True
            )
        except NotFound:
            return None

    async def jwks(self) -> bytes:
        return await self._raw("jwks", "GET", "/.well-known/jwks.json", timeout_s=2.0)


class Service:
    """Assembles one service process and runs its lifecycle."""

    def __init__(
        self, declared: ServiceDeclaration, settings: Settings, *, callers: frozenset[str] = frozenset()
    ) -> None:
        """`callers` are the services that may call this one."""
        _require_for_production(declared, settings)
        self.name = declared.name
        self.version = __version__
        self.settings = settings
        self.instance = settings.instance or f"{declared.name}-{secrets.token_hex(4)}"
        #: (variable, its value, statement for the value of the data)
        self._fixed_settings: list[tuple[str, str, str]] = []
        self._background: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._exporter = self._configure_telemetry()
        self._request_log = telemetry.RequestLog(self.name, self.instance, settings.log_level, self._exporter)
        self._declared = declared
        self.state = edge.State()
        self.database = Database(
            settings.database_url,
            size=settings.database_pool,
            name=f"serai-{self.name}",
            scans=declared.scans,
            on_acquired=self.state.admission.record_connection_wait,
        )
        self.feed = Feed(self.name, self.database)
        self.registry = directory.of(settings, self.name)
        self._signer = Signer(self.name, settings.service_key) if settings.service_key else None
        self._calls: Calls | None = None
        self._handlers: list[ControllerRouterHandler] = [livez, readyz, metrics]
        self._dependencies: dict[str, Provide] = {}
        self._readers: list[FeedReader] = []
        self._tasks: list[asyncio.Task[None]] = []
        #: Called when the process begins to drain, to end requests that are held open.
        self.on_drain: list[Callable[[], None]] = []
        #: The number of running jobs, which the process waits for before it exits.
        self.active_jobs: list[Callable[[], int]] = []
        #: Called when the last request has been answered, to close what requests need.
        self.on_drained: list[Callable[[], None]] = []
        identity = self._identity(declared)
        self.verifier = Verifier(
            self.name,
            keys=KeySet(settings.jwks, identity.jwks if identity else None),
            service_keys=settings.service_keys,
            callers=callers,
            session=identity.session if identity else None,
            roles=declared.roles,
        )

    def _configure_telemetry(self) -> Exporter | None:
        """Log to standard output, and export to a collector where one is configured."""
        settings = self.settings
        exporter: Exporter | None = None
        if settings.otlp_endpoint:
            exporter = Exporter(
                settings.otlp_endpoint,
                settings.resource(self.name, self.instance),
                headers=settings.otlp_header_fields,
                compress=settings.otlp_compression == "gzip",
            )
            tracing.configure(Tracer(exporter, traces_per_s=settings.traces_per_s, slow_s=settings.slow_s))
            self.background("export-telemetry", exporter.run)
        telemetry.configure_logging(self.name, self.instance, settings.log_level, exporter)
        return exporter

    def _identity(self, declared: ServiceDeclaration) -> IdentityClient | None:
        return IdentityClient(self.calls) if IDENTITY in declared.calls else None

    @property
    def calls(self) -> Calls:
        """The connections from which typed clients are made."""
        if self._calls is None:
            signer = self._signer or Signer(self.name, secrets.token_urlsafe(32))
            allowed = tuple(dict.fromkeys((*self._declared.calls, *self._declared.reads)))
            self._calls = Calls(self.name, allowed, self.registry, signer)
        return self._calls

    def routes(self, deps: object, handlers: Sequence[ControllerRouterHandler], *, feed: bool = False) -> None:
        """Add the service's handlers, which receive `deps` by that name. With `feed`, other services can read its
        events."""
        self._dependencies["deps"] = Provide(lambda: deps, use_cache=True, sync_to_thread=False)
        self._handlers += handlers
        if feed:
            self._handlers.append(events)
            self._dependencies["feed"] = Provide(lambda: self.feed, use_cache=True, sync_to_thread=False)
            self.background("sequencer", self.feed.run)
            self.every("prune-feed", 3600, self.feed.prune)

    def reads(self, producer: str, apply: Apply, after: Callable[[], None] | None = None) -> None:
        """Consume the feed of `producer`. `apply` takes effect in the transaction that advances our cursor."""
        if producer not in self._declared.reads:
            raise PermissionError(f"topology does not let {self.name} read the feed of {producer}")
        client = FeedClient(self.calls, producer, self.name)
        reader = FeedReader(producer, self.name, client, self.database, apply, after or self.feed.nudge)
        self._readers.append(reader)
        self.background(f"read-{producer}", reader.run)

    def fixed_by_data(self, variable: str, value: str, statement: str) -> None:
        """The process does not start with another value of this setting than its data was written with. `statement`
        selects the latter, or nothing while there is no data."""
        self._fixed_settings.append((variable, value, statement))

    def background(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task beside requests. When it fails, the error is logged and counted, and the task is started again."""
        self._background.append((name, run))

    def works(self, worker: Worker[Any]) -> None:
        """Run a worker beside requests. When the process drains, the worker finishes its jobs and claims no more."""
        self.background(worker.name, worker.run)
        self.on_drain.append(worker.stop_claiming)
        self.active_jobs.append(lambda: worker.active_jobs)

    def every(self, name: str, seconds: float, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task about every `seconds` seconds, with jitter so that replicas spread."""

        async def rounds() -> None:
            while True:
                await asyncio.sleep(seconds * random.uniform(0.8, 1.2))
                await run()

        self.background(name, rounds)

    def app(self) -> Litestar:
        """The assembled application. Raises when a route does not declare who may call it, or needs a
        permission that no role has."""
        self.state.verifier = self.verifier
        self.state.ready = self.ready
        app = Litestar(
            route_handlers=self._handlers,
            dependencies=self._dependencies,
            request_class=edge.Request,
            before_request=edge.admit,
            exception_handlers=edge.EXCEPTION_HANDLERS,
            request_max_body_size=MAX_BODY_BYTES,
            lifespan=[self._lifespan],
            openapi_config=None,
            logging_config=None,
        )
        app.state.edge = self.state
        app.state.service = self.name
        edge.require_policies(app, frozenset[str]().union(*self._declared.roles.values()))
        edge.rank_routes(app)
        app.asgi_handler = edge.Envelope(app.asgi_handler, self.state, self._request_log)
        return app

    async def check_data(self) -> None:
        """Raises `SettingsError` if the database was written with other settings, and `Unavailable` if it does not
        answer."""
        problems = []
        for variable, value, statement in self._fixed_settings:
            async with self.database.connection() as conn:
                stored = await conn.fetchval(statement)
            if stored not in (None, value):
                problems.append(f"{variable} is {value}, but {self.name} has data in {stored}; set it to {stored}")
        if problems:
            raise SettingsError(problems)

    async def ready(self) -> bool:
        """Whether this process can serve requests now."""
        if self.state.draining:
            return False
        return not self._declared.database or await self.database.is_available()

    @asynccontextmanager
    async def _lifespan(self, _: Litestar) -> AsyncIterator[None]:
        if self._declared.database:
            await self.database.open()
            self.every("prune-keys", 3600, self._prune_keys)
        if self._calls is not None and self.settings.finds_services:
            self._calls.watch_all()
        self._tasks = [asyncio.create_task(self._run_forever(name, run), name=name) for name, run in self._background]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for reader in self._readers:
                try:
                    await reader.release()
                except Unavailable:
                    log.info("could not release the feed's lease; it will expire", extra={"feed": reader.producer})
            if self._calls is not None:
                await self._calls.close()
            await self.database.close()
            await self.registry.close()
            self._request_log.flush()
            if self._exporter is not None:
                await self._exporter.close()

    async def _prune_keys(self) -> None:
        async with self.database.transaction() as tx:
            await prune_idempotency(tx)

    async def _run_forever(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run the task again whenever it ends, with growing pauses after failures."""
        pause = 0.1
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await run()
            except Unavailable as problem:
                log.warning("task ended: %s", problem, extra={"task": name})
            except Exception:
                log.exception("task failed", extra={"task": name})
            telemetry.TASK_FAILURES.labels(name).inc()
            pause = 0.1 if loop.time() - started > 30 else min(pause * 2, 5.0)
            await asyncio.sleep(random.uniform(pause / 2, pause))


def _require_for_production(declared: ServiceDeclaration, settings: Settings) -> None:
    """Refuse to start without the settings that every replica needs. Local tools assemble services without running
    them, and need none of these."""
    needed = {
        "DATABASE_URL": declared.database and not settings.database_url,
        "SERAI_DISCOVERY_URL": bool(declared.calls) and not settings.finds_services,
        "SERAI_SERVICE_KEY": bool(declared.calls or settings.discovery_url) and not settings.service_key,
    }
    missing = [f"{name} is missing" for name, is_missing in needed.items() if is_missing]
    problems = [] if settings.local else missing
    problems += directory.problems(settings, dict.fromkeys((*declared.calls, *declared.reads)))
    if problems:
        raise SettingsError(problems)


@get("/livez", policy="public", include_in_schema=False, sync_to_thread=False)
def livez() -> dict[str, str]:
    return {"status": "alive"}


@get("/readyz", policy="public", include_in_schema=False)
async def readyz(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    if not await request.app.state.edge.ready():
        raise Unavailable("Not ready: the database is not reachable, or this instance is leaving.", code="not_ready")
    # An address can be reused by another service, so the health checker must see which service answers there now.
    return Response({"status": "ready"}, headers={"x-envoy-upstream-healthchecked-cluster": request.app.state.service})


@get("/metrics", policy="public", include_in_schema=False, sync_to_thread=False)
def metrics() -> Response[bytes]:
    return Response(telemetry.metrics_text(), media_type="text/plain; version=0.0.4")


@get("/internal/events", policy="service", include_in_schema=False)
async def events(
    request: edge.Request,
    feed: NamedDependency[Feed],
    after: FromQuery[int],
    limit: FromQuery[int],
    wait: FromQuery[float],
    consumer: FromQuery[str],
) -> Events:
    return await feed.after(request.caller.service or consumer, max(after, 0), max(1, limit), wait)
