"""Fixtures of all tests: a real PostgreSQL, a fresh database of a service, a whole running shop.

`make fast` leaves out the tests marked `system`: those that start the shop, in `tests/journeys`, `tests/faults` and
`tests/tools/rolling`, and those that start a gateway or a browser of their own. It also leaves out the tests marked
`slow`: they take seconds, alone or with the others of their file, and guard no money, stock, events or orders.

Files that tests write are kept in memory if there is enough of it: most of the cost of a fresh database is the creation
of its three hundred files.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import itertools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from serai import topology
from serai.supervisor import databases, ports
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import name_of, url_of
from tests.leftovers import delete_leftovers
from tools.shop.system import System, running_system

T = TypeVar("T")

#: Any password is sufficient: the server is deleted after the tests.
PASSWORD = "for-tests-only"
#: The data need not survive a power cut; it survives a killed server even with these settings.
FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}

#: Folders in which every test needs the whole shop. One test process runs them all: two cores cannot run two shops
#: without timeouts.
WHOLE_SHOP = ("tests/faults/", "tests/journeys/", "tests/tools/rolling/")
WHOLE_SHOP_SCOPE = "the whole shop"

#: A file system in memory, and its required free space: the tests use less than a quarter of it.
MEMORY, MIN_FREE_BYTES = Path("/dev/shm"), 4 << 30


def pytest_configure() -> None:
    # With this variable every process of every test would compile all modules.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in (MEMORY, Path(tempfile.gettempdir())):
            delete_leftovers(folder)
    if _is_usable(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    # The duration of an example depends on the load of the machine.
    hypothesis.settings.register_profile("serai", deadline=None)
    hypothesis.settings.load_profile("serai")


def _is_usable(folder: Path) -> bool:
    """Whether tests can write there and run programs from there."""
    return (
        os.access(folder, os.W_OK | os.X_OK)
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
        and shutil.disk_usage(folder).free >= MIN_FREE_BYTES
    )


#: Test files that take seconds, mostly in one test or waiting.
LONG = (
    "tests/interop/test_scrapers.py",
    "tests/web/test_client.py",
    "tests/gateway/test_lifecycle.py",
    "tests/gateway/test_http2.py",
    "tests/product/search/test_caching.py",
    "tests/web/test_build.py",
    "tests/gateway/test_restart.py",
    "tests/web/test_new_release.py",
    "tests/product/media/test_uploads.py",
    "tests/gateway/test_tls.py",
    "tests/user/test_reset.py",
    "tests/chassis/calls/test_client.py",
)


#: Fixtures that start processes for the one test that asks for them.
OWN_PROCESSES = {"new_gateway", "system"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nearly everything that a collection creates lives until the end. Searching it for garbage takes an eighth of the
    time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.nodeid.startswith(WHOLE_SHOP) or OWN_PROCESSES.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("system")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that the others can run in parallel until the end."""
    items.sort(key=lambda item: (not item.nodeid.startswith(WHOLE_SHOP), not item.nodeid.startswith(LONG)))


def pytest_collection_finish() -> None:
    """Collected items live until the end, so exclude them from garbage collection."""
    gc.freeze()


class FolderScheduling(LoadScopeScheduling):
    """Assigns whole files to test processes, and all tests of the whole shop to one process.

    The processes, databases and services that a folder's tests share are started once in each test process that runs
    one of its files. A test process therefore gets a file of a folder that it already has, else one of a folder that no
    process has, else one of another process's folder. Files in `LONG` come first.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._folders: dict[WorkerController, set[str]] = {}

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE_SHOP_SCOPE if nodeid.startswith(WHOLE_SHOP) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        own = self._folders.setdefault(node, set())
        taken = set().union(*self._folders.values())

        def rank(scope: str) -> int:
            folder = scope.rpartition("/")[0]
            if scope == WHOLE_SHOP_SCOPE or scope.startswith(LONG):
                return 0
            return 1 if folder in own else 2 if folder not in taken else 3

        chosen = min(self.workqueue, key=rank)
        own.add(chosen.rpartition("/")[0])
        # The base class takes the first item.
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    return FolderScheduling(config, log)


@pytest.fixture(autouse=True)
def captured_warnings(request: pytest.FixtureRequest) -> None:
    """Lets `caplog` capture warnings. A service that another test has started may have set the level of all logs."""
    if "caplog" in request.fixturenames:
        request.getfixturevalue("caplog").set_level(logging.WARNING)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server for this test run, with the shop's binaries and settings but without fsync."""
    folder = tmp_path_factory.mktemp("postgres")
    server = Postgres(folder / "server", ports.find_free(), PASSWORD, folder / "log", FAST_SETTINGS)
    if "PYTEST_XDIST_WORKER" in os.environ:
        (folder / "server").mkdir()
        # cp -a keeps the owner, who is not root.
        subprocess.run(["cp", "-a", _migrated(tmp_path_factory.getbasetemp().parent), folder / "server"], check=True)
    with server:
        yield server


def _migrated(shared: Path) -> Path:
    """The data folder of a server with every service's database, created once for all test processes.

    Each test process starts its own server on a copy, so that they do not wait for each other and the second of work is
    done once. The first process creates it while the others wait for the lock. The kernel releases the lock of a killed
    process.
    """
    migrated = shared / "postgres"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not migrated.exists():
            incomplete = shared / "postgres-in-the-incomplete"
            shutil.rmtree(incomplete, ignore_errors=True)
            with Postgres(incomplete, ports.find_free(), PASSWORD, shared / "postgres.log", FAST_SETTINGS) as server:
                passwords = dict.fromkeys(topology.WITH_DATABASE, PASSWORD)
                blocking(databases.create_all(server.url, passwords, dedicated=True))
                blocking(databases.migrate_all(server.url, passwords))
            incomplete.rename(migrated)
    return migrated / "data"


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> Callable[[str], str]:
    """The name of a service's migrated database, from which fresh ones are copied. Migrates it on first use."""
    migrated: dict[str, str] = {}

    def of(service: str) -> str:
        if service not in migrated:
            passwords = {service: PASSWORD}
            blocking(databases.create_all(postgres.url, passwords, dedicated=True))
            blocking(databases.migrate_all(postgres.url, passwords))
            migrated[service] = name_of(service)
        return migrated[service]

    return of


@pytest.fixture
def database(postgres: Postgres, template: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """`database("order")` is the URL of a new, migrated, empty database, with that service's role.

    It is dropped after the test. Can be called from synchronous and asynchronous tests, and several times.
    """
    names: list[str] = []

    def fresh(service: str) -> str:
        source = template(service)
        name = f"test_{next(_numbers)}_{service}"
        blocking(databases.create_database(postgres.url, name, owner=source, template=source, strategy="file_copy"))
        names.append(name)
        return url_of(postgres.url, service, PASSWORD, database=name)

    yield fresh
    for name in names:
        blocking(databases.drop_database(postgres.url, name))


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run it to completion, whether or not this thread runs an event loop."""
    return _executor.submit(asyncio.run, work).result()


_numbers = itertools.count(1)
_executor = ThreadPoolExecutor(1)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole shop, started once for all tests that use it. Tests must leave it as they found it."""
    with running_system(tmp_path_factory.mktemp("system")) as started:
        yield started
