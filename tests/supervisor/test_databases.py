"""Roles, databases and migrations."""

import os
from collections.abc import Callable

import asyncpg
import pytest

from serai import topology
from serai.supervisor import databases
from serai.supervisor.postgres import Postgres
from serai.supervisor.urls import url_of
from tests.conftest import PASSWORD

PASSWORDS = dict.fromkeys(("cart", "order"), PASSWORD)


async def test_a_second_migration_applies_nothing(postgres: Postgres) -> None:
    await databases.create_all(postgres.url, PASSWORDS, dedicated=True)
    await databases.migrate_all(postgres.url, PASSWORDS)
    assert await databases.migrate_all(postgres.url, PASSWORDS) == {"cart": 0, "order": 0}


async def test_a_role_connects_to_its_own_database_only(postgres: Postgres) -> None:
    await databases.create_all(postgres.url, PASSWORDS, dedicated=True)
    own = await asyncpg.connect(url_of(postgres.url, "cart", PASSWORDS["cart"]))
    await own.close()
    for other in ("serai_order", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(url_of(postgres.url, "cart", PASSWORDS["cart"], database=other))


async def test_a_role_needs_its_password(postgres: Postgres) -> None:
    await databases.create_all(postgres.url, PASSWORDS, dedicated=True)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url_of(postgres.url, "cart", "wrong"))


async def test_roles_have_timeouts_for_statements_and_idle_transactions(database: Callable[[str], str]) -> None:
    connection = await asyncpg.connect(database("cart"))
    try:
        assert await connection.fetchval("SHOW statement_timeout") == "5s"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
    finally:
        await connection.close()


async def test_fresh_databases_are_separate(database: Callable[[str], str]) -> None:
    first, second = database("product"), database("product")
    assert first != second
    connection = await asyncpg.connect(first)
    try:
        assert await connection.fetchval("SELECT current_user") == "serai_product"
        assert await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'") == 1
    finally:
        await connection.close()


async def test_reports_which_server_does_not_respond() -> None:
    with pytest.raises(databases.MigrationFailed, match=r"127\.0\.0\.1:1/nowhere as somebody"):
        await databases.migrate_one("cart", "postgresql://somebody:secret@127.0.0.1:1/nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("service", topology.WITH_DATABASE)
async def test_migrations_go_up_down_and_up_again(postgres: Postgres, service: str) -> None:
    await databases.create_all(postgres.url, {service: PASSWORD}, dedicated=True)
    await databases.check(postgres.url, service, "for-tests-only")


def test_no_password_is_among_the_arguments_of_a_process(postgres: Postgres) -> None:
    assert postgres.pid is not None
    with open(f"/proc/{postgres.pid}/cmdline", "rb") as file:
        assert b"for-tests-only" not in file.read()
    assert os.geteuid() != 0 or os.stat(f"/proc/{postgres.pid}").st_uid != 0
