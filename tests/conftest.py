"""What every test may ask for: a real PostgreSQL, a fresh database of a service, a whole running shop.

`make fast` leaves out the tests marked `system`: those that start the shop, which live in `tests/journeys`,
`tests/faults` and `tests/tools/rolling`, and those that start a gateway or a browser for themselves alone. What tests
write is kept in memory where there is room for it: most of the cost of a fresh database is creating its three hundred
files.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
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
from tools.shop.system import System, running_system

T = TypeVar("T")

#: Any password does: the server is gone when the tests are.
PASSWORD = "for-tests-only"
#: Nothing here has to survive the machine's end; a killed server keeps everything even so.
IN_A_HURRY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}

#: Where each test needs the whole shop.
WHOLE_SHOP = ("tests/faults/", "tests/journeys/", "tests/tools/rolling/")
WHOLE_SHOP_SCOPE = "the whole shop"

#: A file system in memory, and what it must have free: all that the tests write takes less than a quarter of it.
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4 << 30


def pytest_configure() -> None:
    # Whoever keeps a checkout clean with this has every process of every test compile everything anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if _has_room(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile("serai", deadline=None)
    hypothesis.settings.load_profile("serai")


def _has_room(folder: Path) -> bool:
    """Whether tests may write there, and start programs that they put there."""
    return (
        os.access(folder, os.W_OK | os.X_OK)
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
        and shutil.disk_usage(folder).free >= ENOUGH_BYTES
    )


#: What takes seconds, most of it in one test or of waiting.
LONG = (
    "tests/witnesses/test_scrapers.py",
    "tests/web/test_client.py",
    "tests/gateway/test_agent.py",
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
OWN_PROCESSES = {"fresh_gate", "system"}


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.nodeid.startswith(WHOLE_SHOP) or OWN_PROCESSES.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("system")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that take longest come first, so that the others can run beside them until the end."""
    items.sort(key=lambda item: (not item.nodeid.startswith(WHOLE_SHOP), not item.nodeid.startswith(LONG)))


def pytest_collection_finish() -> None:
    """What has been collected stays until the end: no use in looking through it again and again for what is garbage."""
    gc.collect()
    gc.freeze()


class FolderScheduling(LoadScopeScheduling):
    """Gives each process whole files, and the tests of the whole shop to one process.

    The processes, databases and services that a folder's tests share are started once in each test process that runs
    one of its files. So a process that asks for work gets a file of a folder it has had before, then one of a folder
    that no process has had, and only when there is neither a file of another process's folder. `LONG` comes first.
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
        # The base class takes the first.
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    return FolderScheduling(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of this test run, the same binary and settings as the shop's (only faster: no fsync)."""
    folder = tmp_path_factory.mktemp("postgres")
    server = Postgres(folder / "server", ports.find_free(), PASSWORD, folder / "log", IN_A_HURRY)
    if "PYTEST_XDIST_WORKER" in os.environ:
        (folder / "server").mkdir()
        # With its owner, who is not root.
        subprocess.run(["cp", "-a", _migrated(tmp_path_factory.getbasetemp().parent), folder / "server"], check=True)
    with server:
        yield server


def _migrated(shared: Path) -> Path:
    """The data of a server with every service's database, made once for all processes of a run.

    Each starts a server of its own on a copy: they have nothing to wait for in each other, and the making (a second of
    work) is done once. Whoever comes first makes it, the others wait for the lock; one that is killed lets go of it.
    """
    made = shared / "postgres"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            making = shared / "postgres-in-the-making"
            shutil.rmtree(making, ignore_errors=True)
            with Postgres(making, ports.find_free(), PASSWORD, shared / "postgres.log", IN_A_HURRY) as server:
                passwords = dict.fromkeys(topology.WITH_DATABASE, PASSWORD)
                blocking(databases.create_all(server.url, passwords, dedicated=True))
                blocking(databases.migrate_all(server.url, passwords))
            making.rename(made)
    return made / "data"


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> Callable[[str], str]:
    """Names the migrated database of a service that fresh ones are copied from; migrates what is not yet."""
    made: dict[str, str] = {}

    def of(service: str) -> str:
        if service not in made:
            passwords = {service: PASSWORD}
            blocking(databases.create_all(postgres.url, passwords, dedicated=True))
            blocking(databases.migrate_all(postgres.url, passwords))
            made[service] = name_of(service)
        return made[service]

    return of


@pytest.fixture
def database(postgres: Postgres, template: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """`database("order")` is the URL of a fresh, migrated, empty database, entered by that service's own role.

    Gone after the test. May be called from synchronous and asynchronous tests, and several times.
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
    """Run it to its end, whether or not this thread has an event loop running."""
    return _elsewhere.submit(asyncio.run, work).result()


_numbers = itertools.count(1)
_elsewhere = ThreadPoolExecutor(1)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole shop, started once for all tests that ask for it. Leave it running as you found it."""
    with running_system(tmp_path_factory.mktemp("system")) as started:
        yield started
