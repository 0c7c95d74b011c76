"""A service in this process, and a database that all tests of a room share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import asyncpg
import httpx
from litestar import Litestar

from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests.conftest import PASSWORD, blocking


@asynccontextmanager
async def living(app: Litestar, base_url: str = "http://localhost:8080") -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, which lives from its start to its end meanwhile."""
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # A fixture's two halves may run in different tasks; a lifespan has to begin and end in one.
        async with app.lifespan():
            started.set()
            await over.wait()

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([life, waiting], return_when="FIRST_COMPLETED")
    waiting.cancel()
    try:
        transport = httpx.ASGITransport(cast(Any, app))
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
            yield http
    finally:
        over.set()
        await life


@contextmanager
def shared_database(postgres: Postgres, template: Callable[[str], str], service: str, name: str) -> Iterator[str]:
    """The URL of a migrated database of `service` for many tests; gone at the end."""
    source = template(service)
    blocking(databases.create_database(postgres.url, name, owner=source, template=source))
    try:
        yield url_of(postgres.url, service, PASSWORD, database=name)
    finally:
        blocking(databases.drop_database(postgres.url, name))


async def empty(database_url: str, *tables: str) -> None:
    """Forget what earlier tests wrote."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"truncate {', '.join(tables)} cascade")
    finally:
        await connection.close()
