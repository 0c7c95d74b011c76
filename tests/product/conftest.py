"""The product service in this process, against a real PostgreSQL, with a stand-in for user that knows its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from serai.product.app import create
from serai.supervisor.postgres import Postgres
from tests import tokens
from tests.living import shared_database
from tests.product.shop import Shop
from tests.product.users import Users


@dataclass(frozen=True)
class Replica:
    http: httpx.AsyncClient
    users: Users


@pytest.fixture(scope="session")
def shared_database_url(postgres: Postgres, template: Callable[[str], str]) -> Iterator[str]:
    with shared_database(postgres, template, "product", "test_product_shared") as url:
        yield url


@pytest.fixture(scope="session")
async def shared_replica(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replica]:
    home = tmp_path_factory.mktemp("product")
    async with Users() as users, replica(users, shared_database_url, home) as running:
        yield Replica(running.http, users)


@pytest.fixture
async def shop(shared_replica: Replica) -> Shop:
    """For tests that look at nothing but the products they made: those of other tests are there too."""
    return Shop(shared_replica.http, shared_replica.users)


@pytest.fixture
async def users() -> AsyncIterator[Users]:
    async with Users() as running:
        yield running


@pytest.fixture
async def database_url(database: Callable[[str], str]) -> str:
    return database("product")


@pytest.fixture
async def empty_shop(users: Users, database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A service of this test's own, with an empty database: for tests of lists, of files, and of what changes both."""
    async with replica(users, database_url, tmp_path) as running:
        yield running


@asynccontextmanager
async def replica(users: Users, database_url: str, home: Path, **more: str) -> AsyncIterator[Shop]:
    """One instance of the service. It finds user where a process looks while the registry is away: on its disk."""
    known = home / "registry" / "product" / "user.json"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_bytes(msgspec.json.encode([tokens.instance("user", users.port)]))
    app = create(tokens.environ("product", database_url, SERAI_HOME=str(home), **more)).app()
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # A fixture's two halves may run in different tasks; a lifespan has to begin and end in one.
        async with app.lifespan():
            started.set()
            await over.wait()

    life = asyncio.create_task(live())
    await asyncio.wait([life, waiting := asyncio.ensure_future(started.wait())], return_when="FIRST_COMPLETED")
    waiting.cancel()
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, app)), base_url="http://product") as http:
            yield Shop(http, users)
    finally:
        over.set()
        await life
