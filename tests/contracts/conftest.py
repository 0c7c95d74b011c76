"""Both sides of each contract: the callees in this process, and the services with their databases behind ports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from serai.cart.app import create as create_cart
from serai.chassis.auth.signer import Signer
from serai.chassis.calls.client import Calls
from serai.chassis.calls.static_directory import StaticDirectory
from serai.supervisor.postgres import Postgres
from tests import tokens
from tests.cart.conftest import Carts, know, running_shop
from tests.contracts.worlds import (
    CartWorld,
    InProcessCartWorld,
    InProcessPaymentWorld,
    InProcessProductWorld,
    PaymentWorld,
    ProductWorld,
    RealCartWorld,
    RealPaymentWorld,
    RealProductWorld,
)
from tests.living import serving, shared_database
from tests.payment.conftest import running_service
from tests.product.shop import Shop

both = pytest.fixture(params=["in_process", "real"])


@both
def cart(request: pytest.FixtureRequest) -> CartWorld:
    world: CartWorld = request.getfixturevalue(f"{request.param}_cart")
    return world


@both
def product(request: pytest.FixtureRequest) -> ProductWorld:
    world: ProductWorld = request.getfixturevalue(f"{request.param}_product")
    return world


@both
def payment(request: pytest.FixtureRequest) -> PaymentWorld:
    world: PaymentWorld = request.getfixturevalue(f"{request.param}_payment")
    return world


@pytest.fixture
def in_process_cart() -> InProcessCartWorld:
    return InProcessCartWorld()


@pytest.fixture
def in_process_product() -> InProcessProductWorld:
    return InProcessProductWorld()


@pytest.fixture
def in_process_payment() -> InProcessPaymentWorld:
    return InProcessPaymentWorld()


@pytest.fixture(scope="session")
async def real_shop(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Shop, int]]:
    with shared_database(postgres, template, "product", "test_contract_product") as url:
        async with running_shop(url, tmp_path_factory.mktemp("product")) as running:
            yield running


@pytest.fixture(scope="session")
async def real_product(real_shop: tuple[Shop, int]) -> AsyncIterator[RealProductWorld]:
    shop, port = real_shop
    async with calls("product", port) as calling:
        yield RealProductWorld(calling, shop)


@pytest.fixture(scope="session")
async def real_cart(
    real_shop: tuple[Shop, int],
    postgres: Postgres,
    template: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RealCartWorld]:
    shop, product_port = real_shop
    home = tmp_path_factory.mktemp("cart")
    know(home, "cart", "product", product_port)
    with shared_database(postgres, template, "cart", "test_contract_cart") as url:
        app = create_cart(tokens.environ("cart", url, SERAI_HOME=str(home))).app()
        async with serving(app) as (port, http), calls("cart", port) as calling:
            yield RealCartWorld(calling, Carts(http, shop, url))


@pytest.fixture(scope="session")
async def real_payment(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealPaymentWorld]:
    with shared_database(postgres, template, "payment", "test_contract_payment") as url:
        async with running_service(url, tmp_path_factory.mktemp("payment")) as service:
            await service.webhooks_to(None)
            async with calls("payment", int(service.url.rpartition(":")[2])) as calling:
                yield RealPaymentWorld(calling, service)


@asynccontextmanager
async def calls(callee: str, port: int) -> AsyncIterator[Calls]:
    """The calling side of the order service, which knows of one instance."""
    directory = StaticDirectory(json.dumps({callee: [f"127.0.0.1:{port}"]}))
    calling = Calls("order", (callee,), directory, Signer("order", tokens.SERVICE_SEEDS["order"]))
    try:
        yield calling
    finally:
        await calling.close()
        await directory.close()
