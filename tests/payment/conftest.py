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
from tests.payment.till import Till
from tests.product.users import Users
from tests.sandbox.process import KEY, SECRET, Sandbox

WEBHOOK = "/api/payments/webhooks/stripe"


@pytest.fixture(scope="session")
async def shared_till(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Till]:
    """One service and one sandbox for the whole room: orders have ids of their own, so tests do not meet."""
    with shared_database(postgres, template, "payment", "test_till") as url:
        async with running_till(url, tmp_path_factory.mktemp("payment")) as till:
            yield till


@asynccontextmanager
async def running_till(database_url: str, folder: Path) -> AsyncIterator[Till]:
    """A payment service behind a port, with a sandbox of its own."""
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(folder / "sandbox")
        stack.callback(sandbox.close)
        await asyncio.to_thread(sandbox.start)
        users = await stack.enter_async_context(Users())
        _tell_where_user_is(folder, users)
        environ = tokens.environ(
            "payment",
            database_url,
            SERAI_HOME=str(folder),
            STRIPE_SECRET_KEY=KEY,
            STRIPE_WEBHOOK_SECRET=f"whsec_of_next_month,{SECRET}",
            STRIPE_API_BASE=sandbox.api,
        )
        port, _ = await stack.enter_async_context(serving(create(environ).app()))
        # A second replica, for what only the passing of time would make the first one do.
        database = Database(database_url)
        await database.open()
        stack.push_async_callback(database.close)
        stripe = StripeApi(KEY, sandbox.api, call_s=1.0)
        holding = asyncio.create_task(stripe.serve())
        stack.push_async_callback(_cancel, holding)
        deps = Deps(database, Feed("payment", database), stripe, "http://localhost:8080", "USD", (SECRET,))
        till = Till(f"http://127.0.0.1:{port}", users, sandbox, deps, database_url)
        stack.push_async_callback(till.aclose)
        yield till


@pytest.fixture
async def till(shared_till: Till) -> AsyncIterator[Till]:
    await shared_till.webhooks_to(shared_till.url + WEBHOOK)
    yield shared_till
    await shared_till.web.delete(f"{shared_till.sandbox.api}/_faults")


@pytest.fixture
async def deaf_till(till: Till) -> Till:
    """A shop that no webhook reaches."""
    await till.webhooks_to(None)
    return till


def _tell_where_user_is(home: Path, users: Users) -> None:
    """Where a process looks while the registry is away: on its disk."""
    known = home / "registry" / "payment" / "user.json"
    known.parent.mkdir(parents=True)
    known.write_bytes(msgspec.json.encode([tokens.instance("user", users.port)]))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
