"""The embedded PostgreSQL server: durability, access, and cleanup after a kill."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from serai.supervisor import ports
from serai.supervisor.postgres import Postgres, PostgresFailed, stop_orphans

pytestmark = pytest.mark.slow

PASSWORD = "throw-away"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    # Below a folder that only its owner can enter, such as /root.
    folder = tmp_path_factory.mktemp("closed")
    folder.chmod(0o700)
    with Postgres(folder / "postgres", ports.find_free(), PASSWORD, folder / "log") as postgres:
        yield postgres


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of initdb, which takes longer than everything else here. Tests start servers on copies."""
    folder = tmp_path_factory.mktemp("initialised")
    initialised = Postgres(folder, ports.find_free(), PASSWORD, folder / "log", {"fsync": "off"})
    initialised.prepare()
    initialised.close()
    return folder / "data"


@pytest.fixture
def folder(tmp_path: Path, data: Path) -> Path:
    """The folder of a server that has not been started."""
    return copied(data, tmp_path / "postgres")


def copied(data: Path, folder: Path) -> Path:
    folder.mkdir()
    # cp -a keeps the owner, who is not root.
    subprocess.run(["cp", "-a", data, folder], check=True)
    return folder


async def value(server: Postgres, statement: str, url: str = "") -> object:
    connection = await asyncpg.connect(url or server.url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_keeps_commits_across_a_crash(server: Postgres) -> None:
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.restart(immediate=True)
    connection.terminate()
    assert await value(server, "SELECT answer FROM kept") == 42


async def test_has_the_default_durability_of_postgresql(server: Postgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await value(server, f"SHOW {setting}") == "on"


async def test_needs_a_password_and_listens_on_loopback_alone(server: Postgres) -> None:
    for url in (server.url, server.local_url):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(PASSWORD, "guessed"))
    assert server.pid is not None
    listening = {each.laddr.ip for each in psutil.Process(server.pid).net_connections("inet") if not each.raddr}
    assert listening == {"127.0.0.1"}


async def test_services_connect_through_a_socket_in_its_folder(server: Postgres) -> None:
    assert await value(server, "SELECT inet_server_addr()", server.local_url) is None


@pytest.mark.parametrize("name", ["long" * 25, "with,comma"])
def test_services_connect_over_tcp_where_a_socket_cannot_be_used(tmp_path: Path, data: Path, name: str) -> None:
    server = Postgres(copied(data, tmp_path / name), ports.find_free(), PASSWORD, tmp_path / "log", {"fsync": "off"})
    assert server.local_url == server.url
    with server:
        assert asyncio.run(value(server, "SHOW unix_socket_directories")) == ""
        assert list((tmp_path / name).glob(".s.PGSQL.*")) == []


def test_a_start_after_a_kill_replaces_the_socket(folder: Path, tmp_path: Path) -> None:
    server = Postgres(folder, ports.find_free(), PASSWORD, tmp_path / "log", {"fsync": "off"})
    server.start()
    pid = server.pid
    assert pid is not None
    processes = [psutil.Process(pid), *psutil.Process(pid).children()]
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)
    # The pid in the lock file is that of a living process, so the server would take the lock for valid.
    lock = next(folder.glob(".s.PGSQL.*.lock"))
    lock.write_text(lock.read_text().replace(str(pid), str(os.getppid())))
    with server:
        assert asyncio.run(value(server, "SELECT 42", server.local_url)) == 42


def test_does_not_change_the_permissions_of_folders_above_its_data(server: Postgres) -> None:
    assert server.pid is not None
    data = Path(psutil.Process(server.pid).cwd())
    assert data.name == "data"
    for folder in (data, *list(data.parents)[:2]):
        assert folder.stat().st_mode & 0o077 == 0


async def test_has_the_extensions_that_services_need(server: Postgres) -> None:
    for extension in ("pg_trgm", "unaccent", "citext", "btree_gin"):
        found = await value(server, f"SELECT true FROM pg_available_extensions WHERE name = '{extension}'")
        assert found is True


def test_a_new_start_stops_the_server_of_a_killed_run(folder: Path, tmp_path: Path) -> None:
    first = Postgres(folder, ports.find_free(), PASSWORD, tmp_path / "log", {"fsync": "off"})
    first.start()
    orphan = first.pid
    assert orphan is not None
    second = Postgres(folder, ports.find_free(), PASSWORD, tmp_path / "log", {"fsync": "off"})
    with second:
        assert first.pid is None
        assert asyncio.run(value(second, "SELECT 1")) == 1
    first.close()


def test_another_program_with_the_remembered_pid_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    stop_orphans(data)
    assert not (data / "postmaster.pid").exists()


def test_stops_when_its_parent_dies(folder: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from serai.supervisor.postgres import Postgres; "
        "folder = Path(sys.argv[1]); "
        "server = Postgres(folder, int(sys.argv[2]), 'throw-away', folder / 'log', {'fsync': 'off'}); "
        "server.start(); print(server.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    arguments = [sys.executable, "-c", program, str(folder), str(ports.find_free())]
    killed = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
    assert killed.returncode == -signal.SIGKILL
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(killed.stdout)).wait(timeout=10)


def test_reports_data_of_another_version(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresFailed, match="was created by PostgreSQL 9"):
        Postgres(tmp_path / "postgres", ports.find_free(), PASSWORD, tmp_path / "log").start()
