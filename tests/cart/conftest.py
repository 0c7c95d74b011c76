"""The cart service in this process, and the real product service behind a port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from serai.cart.app import create
from serai.chassis.process.serve import hold_address
from serai.product.app import create as create_product
from serai.supervisor.postgres import Postgres
from tests import tokens
from tests.cart.visitor import Checkout, Visitor, somebody
from tests.living import empty, living, shared_database
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
    """A product service shared by all tests, and its port. Each test creates its own products."""
    home = tmp_path_factory.mktemp("product")
    async with AsyncExitStack() as stack:
        url = stack.enter_context(shared_database(postgres, template, "product", "test_cart_shop"))
        users = await stack.enter_async_context(Users())
        know(home, "product", "user", users.port)
        app = create_product(tokens.environ("product", url, SERAI_HOME=str(home))).app()
        held, host, port = hold_address("127.0.0.1:0")
        stack.enter_context(held)
        server = Server(
            app, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False
        )
        serving = asyncio.create_task(server.serve())
        stack.push_async_callback(_stop, server, serving)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False))
        await _answers(http)
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


@pytest.fixture
async def carts(shared_carts: Carts) -> Carts:
    await empty(shared_carts.database_url, "cart", "cart_freeze", "idempotency_key")
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


async def _answers(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


async def _stop(server: Server, serving: asyncio.Task[None]) -> None:
    server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
    await asyncio.wait_for(serving, 5.0)
