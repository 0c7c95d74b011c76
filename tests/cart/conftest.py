"""The cart service in this process, and the real product service behind a port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from serai.cart.app import create
from serai.product.app import create as create_product
from serai.supervisor.postgres import Postgres
from tests import tokens
from tests.cart.visitor import Checkout, Visitor, somebody
from tests.living import Connection, connected, empty, living, serving, shared_database
from tests.product.shop import Json, Shop
from tests.product.users import Users


@dataclass
class Carts:
    http: httpx.AsyncClient
    shop: Shop
    database_url: str

    def guest(self, cookie: str | None = None) -> Visitor:
        return Visitor(self.http, cookie=cookie)

    def customer(self, user_id: UUID | None = None) -> Visitor:
        return Visitor(self.http, user_id or somebody())

    def checkout(self, user_id: UUID | None) -> Checkout:
        assert user_id is not None
        return Checkout(self.http, user_id)

    async def product(self, **fields: Any) -> Json:
        return await self.shop.create(**fields)


@pytest.fixture(scope="session")
async def shop(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Shop, int]]:
    """One product service for the whole room, and its port: every test makes products of its own."""
    with shared_database(postgres, template, "product", "test_cart_shop") as url:
        async with running_shop(url, tmp_path_factory.mktemp("product")) as running:
            yield running


@asynccontextmanager
async def running_shop(database_url: str, home: Path) -> AsyncIterator[tuple[Shop, int]]:
    """A product service behind a port."""
    async with Users() as users:
        know(home, "product", "user", users.port)
        app = create_product(tokens.environ("product", database_url, SERAI_HOME=str(home))).app()
        async with serving(app) as (port, http):
            yield Shop(http, users), port


@pytest.fixture(scope="session")
async def shared_carts(
    shop: tuple[Shop, int],
    postgres: Postgres,
    template: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Carts]:
    with shared_database(postgres, template, "cart", "test_cart_room") as url:
        async with replica(shop[1], url, tmp_path_factory.mktemp("cart")) as http:
            yield Carts(http, shop[0], url)


@pytest.fixture(scope="session")
async def shared_connection(shared_carts: Carts) -> AsyncIterator[Connection]:
    async with connected(shared_carts.database_url) as connection:
        yield connection


@pytest.fixture
async def carts(shared_carts: Carts, shared_connection: Connection) -> Carts:
    await empty(shared_connection, "cart", "cart_freeze", "idempotency_key")
    return shared_carts


@asynccontextmanager
async def replica(product_port: int, database_url: str, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One instance of the cart service."""
    know(home, "cart", "product", product_port)
    async with living(create(tokens.environ("cart", database_url, SERAI_HOME=str(home))).app()) as http:
        yield http


def know(home: Path, service: str, callee: str, port: int) -> None:
    """Let `service` find `callee` without a registry, from the addresses that it caches on disk."""
    known = home / "registry" / service / f"{callee}.json"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_bytes(msgspec.json.encode([tokens.instance(callee, port)]))
