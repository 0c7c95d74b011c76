"""The command `serai migrate`, and the database server that commands use."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from serai import topology
from serai.supervisor import databases, keys, ports
from serai.supervisor.databases import MigrationFailed
from serai.supervisor.home import Home, read_json
from serai.supervisor.keys import Keys
from serai.supervisor.postgres import Postgres


class CannotRun(Exception):
    """Something that the command needs is missing; the message says what."""


def migrate(home: Home, services: Sequence[str]) -> None:
    """Migrate the databases of `services` (all, when empty) and print what was done.

    With DATABASE_URL it migrates that one service's database and creates nothing else. With SERAI_DATABASE_URL, an
    administrator's URL, it also creates roles and databases. Otherwise it uses the installation's own server.
    """
    names = check_names(services)
    own_url = read_variable("DATABASE_URL")
    if own_url:
        if len(services) != 1:
            raise CannotRun("DATABASE_URL is one service's database: name the service, as in `serai migrate order`")
        print_counts({names[0]: asyncio.run(databases.migrate_one(names[0], own_url))})
        return
    with server(home) as (admin_url, all_passwords, dedicated):
        passwords = {name: all_passwords[name] for name in names}
        asyncio.run(_create_and_migrate(admin_url, passwords, dedicated=dedicated))


async def _create_and_migrate(admin_url: str, passwords: Mapping[str, str], *, dedicated: bool) -> None:
    await databases.create_all(admin_url, passwords, dedicated=dedicated)
    print_counts(await databases.migrate_all(admin_url, passwords))


def check_migrations(services: Sequence[str]) -> None:
    """Run every migration up, down and up again on a temporary server. Raises `MigrationFailed`."""
    names = check_names(services)
    passwords = dict.fromkeys(names, "throw-away")
    with tempfile.TemporaryDirectory(prefix="serai-check-") as folder:
        place = Path(folder)
        with Postgres(place / "server", ports.find_free(), "throw-away", place / "log", {"fsync": "off"}) as postgres:
            asyncio.run(_check(postgres.url, passwords))
    print(f"migrations go up, down and up again: {', '.join(names)}")


async def _check(admin_url: str, passwords: Mapping[str, str]) -> None:
    await databases.create_all(admin_url, passwords, dedicated=True)
    await databases.check_all(admin_url, passwords)


@contextmanager
def server(home: Home) -> Iterator[tuple[str, Mapping[str, str], bool]]:
    """The administrator's URL, each service's password, and whether the server is dedicated to Serai.

    If the shop is not running, the installation's own server runs for the duration of the block.
    """
    own = read_variable("SERAI_DATABASE_PASSWORDS")
    home.create()
    known_keys = keys.load(home)
    passwords: Mapping[str, str] = json.loads(own) if own else known_keys.databases
    if admin_url := read_variable("SERAI_DATABASE_URL"):
        yield admin_url, passwords, False
    elif home.is_running():
        yield _postgres(home, known_keys, read_json(home.ports)["postgres"]).url, passwords, True
    else:
        with home.lock(), _postgres(home, known_keys, ports.allocate(home)["postgres"]) as postgres:
            yield postgres.url, passwords, True


def _postgres(home: Home, known_keys: Keys, port: int) -> Postgres:
    return Postgres(home.postgres, port, known_keys.postgres, home.log("postgres"))


def read_variable(name: str) -> str | None:
    """The variable, or the content of the file that NAME_FILE names."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name) or None


def check_names(services: Sequence[str]) -> Sequence[str]:
    for name in services:
        if name not in topology.WITH_DATABASE:
            raise CannotRun(f"{name!r} has no database; these have: {', '.join(topology.WITH_DATABASE)}")
    return services or topology.WITH_DATABASE


def print_counts(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        print(f"{name}: {f'{count} migrations applied' if count else 'up to date'}")


__all__ = ["CannotRun", "MigrationFailed", "check_migrations", "migrate"]
