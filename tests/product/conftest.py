"""The product service in this process, against a real PostgreSQL, with a stand-in for user that knows its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from serai.product.app import create
from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests import tokens
from tests.conftest import PASSWORD, blocking
from tests.product.shop import Shop
from tests.product.users import Users


@pytest.fixture
async def users() -> AsyncIterator[Users]:
    async with Users() as running:
        yield running


@pytest.fixture
async def database_url(database: Callable[[str], str]) -> str:
    return database("product")


@pytest.fixture
async def shop(users: Users, database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with replica(users, database_url, tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def shared_database_url(postgres: Postgres, template: Callable[[str], str]) -> str:
    source = template("product")
    name = f"{source}_shared"
    blocking(databases.create_database(postgres.url, name, owner=source, template=source, strategy="file_copy"))
    return url_of(postgres.url, "product", PASSWORD, database=name)


@pytest.fixture(scope="session")
async def shared_shop(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One service for all tests that look at nothing but the products they create."""
    async with (
        Users() as running,
        replica(running, shared_database_url, tmp_path_factory.mktemp("shared-shop")) as shop,
    ):
        yield shop


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
