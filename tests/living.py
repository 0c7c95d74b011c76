"""Runs a service in the test process, and creates databases that all tests of a folder share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, cast

import asyncpg
import httpx
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar import Litestar

from serai.chassis.process.serve import reserve_address
from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests.conftest import PASSWORD, blocking

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def living(app: Litestar, base_url: str = "http://localhost:8080") -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, whose lifespan runs during the block."""
    started, stopped = asyncio.Event(), asyncio.Event()

    async def run_lifespan() -> None:
        # The two halves of a fixture may run in different tasks, but a lifespan must begin and end in the same one.
        async with app.lifespan():
            started.set()
            await stopped.wait()

    lifespan = asyncio.create_task(run_lifespan())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([lifespan, waiting], return_when="FIRST_COMPLETED")
    waiting.cancel()
    try:
        transport = httpx.ASGITransport(cast(Any, app))
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
            yield http
    finally:
        stopped.set()
        await lifespan


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """The port on which `app` is served during the block, and a client of it. The app is ready."""
    reserved, host, port = reserve_address("127.0.0.1:0")
    with reserved:
        server = Server(
            app, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False
        )
        serve = asyncio.create_task(server.serve())
        try:
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as http:
                await _ready(http)
                yield port, http
        finally:
            server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
            await asyncio.wait_for(serve, 60)


async def _ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


@contextmanager
def shared_database(postgres: Postgres, template: Callable[[str], str], service: str, name: str) -> Iterator[str]:
    """The URL of a migrated database of `service` for many tests. It is dropped at the end."""
    source = template(service)
    blocking(databases.create_database(postgres.url, name, owner=source, template=source))
    try:
        yield url_of(postgres.url, service, PASSWORD, database=name)
    finally:
        blocking(databases.drop_database(postgres.url, name))


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Connection]:
    """A connection of the tests' own, beside those of the service."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def empty(connection: Connection, *tables: str) -> None:
    """Delete the rows that earlier tests wrote, in this order; rows that refer to a table come before its own.

    The lock waits for what is still being written. For a few rows, truncate takes fifty times as long as delete.
    """
    names = ", ".join(tables)
    statements = [f"lock table {names} in exclusive mode", *(f"delete from {table}" for table in tables)]
    # Several statements without parameters are one transaction.
    await connection.execute("; ".join(statements))
