from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from serai.chassis.data.database import Database
from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests.conftest import PASSWORD, blocking
from tests.notification.harness import Inbox, WorkerHarness
from tests.notification.shop import Shop, open_shop
from tests.sandbox.process import Sandbox


def _sandbox(factory: pytest.TempPathFactory, name: str) -> Iterator[Sandbox]:
    sandbox = Sandbox(factory.mktemp(name))
    try:
        yield sandbox.start()
    finally:
        sandbox.close()


@pytest.fixture(scope="session")
def _mail_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    yield from _sandbox(tmp_path_factory, "mail")


@pytest.fixture
def inbox(_mail_server: Sandbox) -> Iterator[Inbox]:
    inbox = Inbox(_mail_server)
    yield inbox
    inbox.no_faults()


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    db = Database(database("notification"))
    await db.open()
    yield db
    await db.close()


@pytest.fixture
async def harness(db: Database, inbox: Inbox) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(db, inbox.url)
    yield harness
    await harness.worker.disconnect()


@pytest.fixture(scope="session")
async def shop(
    postgres: Postgres, template: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """Shared by all tests, with an SMTP server of its own, because a fault hits whichever email comes next. Each test
    uses addresses that no other test uses."""

    def database(service: str) -> str:
        source = template(service)
        name = f"mail_{service}"
        blocking(databases.create_database(postgres.url, name, owner=source, template=source))
        return url_of(postgres.url, service, PASSWORD, database=name)

    for sandbox in _sandbox(tmp_path_factory, "mail-of-shop"):
        async with open_shop(database, Inbox(sandbox), tmp_path_factory.mktemp("home")) as shop:
            yield shop
