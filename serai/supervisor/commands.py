"""The command `serai migrate`, and the database server that the commands of an installation use."""

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
    """The command lacks something; the message says what."""


def migrate(home: Home, services: Sequence[str]) -> None:
    """Bring the databases of `services` (all, when empty) up to date and say what was done.

    With DATABASE_URL it is that one service's database and nothing is made around it; with SERAI_DATABASE_URL an
    administrator makes roles and databases too; else it is the installation's own server.
    """
    names = known(services)
    own_url = given("DATABASE_URL")
    if own_url:
        if len(services) != 1:
            raise CannotRun("DATABASE_URL is one service's database: say which, as in `serai migrate order`")
        report({names[0]: asyncio.run(databases.migrate_one(names[0], own_url))})
        return
    with server(home) as (admin_url, all_passwords, ours_alone):
        passwords = {name: all_passwords[name] for name in names}
        asyncio.run(_create_and_migrate(admin_url, passwords, ours_alone=ours_alone))


async def _create_and_migrate(admin_url: str, passwords: Mapping[str, str], *, ours_alone: bool) -> None:
    await databases.create_all(admin_url, passwords, ours_alone=ours_alone)
    report(await databases.migrate_all(admin_url, passwords))


def check_migrations(services: Sequence[str]) -> None:
    """Run every migration up, down and up on a throw-away server. Raises `MigrationFailed`."""
    names = known(services)
    passwords = dict.fromkeys(names, "throw-away")
    with tempfile.TemporaryDirectory(prefix="serai-check-") as folder:
        place = Path(folder)
        with Postgres(place / "server", ports.find_free(), "throw-away", place / "log", {"fsync": "off"}) as postgres:
            asyncio.run(_check(postgres.url, passwords))
    print(f"migrations go up, down and up again: {', '.join(names)}")


async def _check(admin_url: str, passwords: Mapping[str, str]) -> None:
    await databases.create_all(admin_url, passwords, ours_alone=True)
    await databases.check_all(admin_url, passwords)


@contextmanager
def server(home: Home) -> Iterator[tuple[str, Mapping[str, str], bool]]:
    """The administrator's URL, each service's password, and whether the server is ours alone.

    The installation's own server is started for the while when the shop is not running.
    """
    own = given("SERAI_DATABASE_PASSWORDS")
    home.create()
    known_keys = keys.load(home)
    passwords: Mapping[str, str] = json.loads(own) if own else known_keys.databases
    if admin_url := given("SERAI_DATABASE_URL"):
        yield admin_url, passwords, False
    elif home.is_running():
        yield _postgres(home, known_keys, read_json(home.ports)["postgres"]).url, passwords, True
    else:
        with home.lock(), _postgres(home, known_keys, ports.allocate(home)["postgres"]) as postgres:
            yield postgres.url, passwords, True


def _postgres(home: Home, known_keys: Keys, port: int) -> Postgres:
    return Postgres(home.postgres, port, known_keys.postgres, home.log("postgres"))


def given(name: str) -> str | None:
    """A variable, or what is in the file that NAME_FILE names."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name) or None


def known(services: Sequence[str]) -> Sequence[str]:
    for name in services:
        if name not in topology.WITH_DATABASE:
            raise CannotRun(f"{name!r} has no database; these have: {', '.join(topology.WITH_DATABASE)}")
    return services or topology.WITH_DATABASE


def report(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        print(f"{name}: {f'{count} migrations applied' if count else 'up to date'}")


__all__ = ["CannotRun", "MigrationFailed", "check_migrations", "migrate"]
