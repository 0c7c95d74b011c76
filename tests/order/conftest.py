"""One order database for all tests that place orders: every test has a buyer and orders of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from serai.chassis.data.database import Database
from serai.supervisor.postgres import Postgres
from tests.living import Connection, connected, empty, shared_database
from tests.order.checkout.shop import Shop

TABLES = (
    "fulfilment.line",
    "fulfilment.fulfilment",
    "orders.line",
    "orders.refund",
    "checkout.step",
    "checkout.saga",
    "orders.orders",
    "event",
    "idempotency_key",
)


@pytest.fixture(scope="session")
def order_database_url(postgres: Postgres, template: Callable[[str], str]) -> Iterator[str]:
    with shared_database(postgres, template, "order", "test_checkout") as url:
        yield url


@pytest.fixture(scope="session")
async def order_database(order_database_url: str) -> AsyncIterator[Database]:
    opened = Database(order_database_url, size=12)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def shop(order_database: Database, order_database_url: str) -> AsyncIterator[Shop]:
    made = Shop(order_database, order_database_url)
    yield made
    await made.cut.close()


@pytest.fixture(scope="session")
async def order_connection(order_database_url: str) -> AsyncIterator[Connection]:
    async with connected(order_database_url) as connection:
        yield connection


@pytest.fixture
async def lone_shop(shop: Shop, order_connection: Connection) -> Shop:
    """A shop with no orders of other tests, for what goes through all of them."""
    await empty(order_connection, *TABLES)
    return shop
