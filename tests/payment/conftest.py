"""The payment service behind a real port, against a real PostgreSQL and a real sandbox process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.payment.app import create
from serai.payment.deps import Deps
from serai.payment.stripe_api import StripeApi
from serai.supervisor.postgres import Postgres
from tests import tokens
from tests.living import serving, shared_database
from tests.payment.service import PaymentService
from tests.product.users import Users
from tests.sandbox.process import KEY, SECRET, Sandbox

WEBHOOK = "/api/payments/webhooks/stripe"


@pytest.fixture(scope="session")
async def shared_service(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PaymentService]:
    """One service and one sandbox for all tests of this folder. Each test uses order ids of its own."""
    with shared_database(postgres, template, "payment", "test_payment_service") as url:
        async with running_service(url, tmp_path_factory.mktemp("payment")) as service:
            yield service


@asynccontextmanager
async def running_service(database_url: str, folder: Path) -> AsyncIterator[PaymentService]:
    """A payment service behind a port, with a sandbox of its own."""
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(folder / "sandbox")
        stack.callback(sandbox.close)
        await asyncio.to_thread(sandbox.start)
        users = await stack.enter_async_context(Users())
        _store_address_of_user(folder, users)
        environ = tokens.environ(
            "payment",
            database_url,
            SERAI_HOME=str(folder),
            STRIPE_SECRET_KEY=KEY,
            STRIPE_WEBHOOK_SECRET=f"whsec_of_next_month,{SECRET}",
            STRIPE_API_BASE=sandbox.api,
        )
        port, _ = await stack.enter_async_context(serving(create(environ).app()))
        # A second replica, which runs immediately what the first one does only after some time.
        database = Database(database_url)
        await database.open()
        stack.push_async_callback(database.close)
        stripe = StripeApi(KEY, sandbox.api, call_s=1.0)
        holding = asyncio.create_task(stripe.serve())
        stack.push_async_callback(_cancel, holding)
        deps = Deps(database, Feed("payment", database), stripe, "http://localhost:8080", "USD", (SECRET,))
        service = PaymentService(f"http://127.0.0.1:{port}", users, sandbox, deps, database_url)
        stack.push_async_callback(service.aclose)
        yield service


@pytest.fixture
async def service(shared_service: PaymentService) -> AsyncIterator[PaymentService]:
    await shared_service.webhooks_to(shared_service.url + WEBHOOK)
    yield shared_service
    await shared_service.web.delete(f"{shared_service.sandbox.api}/_faults")


@pytest.fixture
async def no_webhooks(service: PaymentService) -> PaymentService:
    """The service, while the sandbox sends no webhooks."""
    await service.webhooks_to(None)
    return service


def _store_address_of_user(home: Path, users: Users) -> None:
    """Write the address file that a process uses while it has no registry."""
    known = home / "registry" / "payment" / "user.json"
    known.parent.mkdir(parents=True)
    known.write_bytes(msgspec.json.encode([tokens.instance("user", users.port)]))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
