"""The payment service behind a real port, against a real PostgreSQL and a real sandbox process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.chassis.process.serve import hold_address
from serai.payment.app import create
from serai.payment.deps import Deps
from serai.payment.stripe_api import StripeApi
from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests import tokens
from tests.conftest import PASSWORD, blocking
from tests.payment.service import PaymentService, eventually
from tests.product.users import Users
from tests.sandbox.process import KEY, SECRET, Sandbox

WEBHOOK = "/api/payments/webhooks/stripe"


@pytest.fixture(scope="session")
async def shared_service(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PaymentService]:
    """One service and one sandbox for all tests of this folder. Each test uses order ids of its own."""
    folder = tmp_path_factory.mktemp("payment")
    source = template("payment")
    blocking(databases.create_database(postgres.url, "test_payment_service", owner=source, template=source))
    url = url_of(postgres.url, "payment", PASSWORD, database="test_payment_service")
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(folder / "sandbox")
        stack.callback(sandbox.close)
        await asyncio.to_thread(sandbox.start)
        users = await stack.enter_async_context(Users())
        _store_address_of_user(folder, users)
        environ = tokens.environ(
            "payment",
            url,
            SERAI_HOME=str(folder),
            STRIPE_SECRET_KEY=KEY,
            STRIPE_WEBHOOK_SECRET=f"whsec_of_next_month,{SECRET}",
            STRIPE_API_BASE=sandbox.api,
        )
        app = create(environ).app()
        held, host, port = hold_address("127.0.0.1:0")
        stack.enter_context(held)
        server = Server(
            app, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False
        )
        serving = asyncio.create_task(server.serve())
        stack.push_async_callback(_stop, server, serving)
        # A second replica, which runs at once what the first one does only after some time.
        database = Database(url)
        await database.open()
        stack.push_async_callback(database.close)
        stripe = StripeApi(KEY, sandbox.api, call_s=1.0)
        holding = asyncio.create_task(stripe.serve())
        stack.push_async_callback(_cancel, holding)
        deps = Deps(database, Feed("payment", database), stripe, "http://localhost:8080", "USD", (SECRET,))
        service = PaymentService(f"http://127.0.0.1:{port}", users, sandbox, deps, url)
        stack.push_async_callback(service.aclose)
        await eventually(lambda: _answers(service.http))
        yield service
    blocking(databases.drop_database(postgres.url, "test_payment_service"))


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


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except (httpx.TransportError, asyncpg.PostgresError):
        return False


async def _stop(server: Server, serving: asyncio.Task[None]) -> None:
    server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
    await asyncio.wait_for(serving, 60)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
