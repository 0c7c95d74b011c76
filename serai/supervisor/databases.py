"""A database and a role for every service, and their migrations, which never run at a service's start.

Each role owns its database and cannot connect to another one. Migrations run as that role, so that it owns what they
create and they have no more rights than the service. dbmate runs them. One advisory lock on the server serialises
callers.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from serai.supervisor.urls import name_of, url_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PACKAGE = Path(__file__).parent.parent
ROLE_SETTINGS = {"statement_timeout": "5s", "idle_in_transaction_session_timeout": "5s"}
EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "product": ("pg_trgm", "unaccent", "citext", "btree_gin"),
    "user": ("pg_trgm", "unaccent", "citext", "btree_gin"),
}

CONNECT_TIMEOUT_S = 10.0
LOCK_TIMEOUT_S = 60.0
MIGRATION_TIMEOUT_S = 600.0
#: Databases that are migrated in parallel.
PARALLEL = 4
#: Any number that all versions of Serai share.
_LOCK = 0x5E4A1


class MigrationFailed(Exception):
    """A database could not be created or migrated; the message says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: str
    path: Path


def migrations_of(service: str) -> list[Migration]:
    """The chassis' migrations and then the service's own, in the order in which they are applied."""
    return [
        Migration(path.name.partition("_")[0], path)
        for folder in migration_folders(service)
        for path in sorted(folder.glob("*.sql"))
    ]


def migration_folders(service: str) -> list[Path]:
    folders = (PACKAGE / "chassis" / "migrations", PACKAGE / service / "migrations")
    return [folder for folder in folders if folder.exists()]


async def create_all(admin_url: str, passwords: Mapping[str, str], *, dedicated: bool) -> None:
    """Create the missing roles and databases of the services in `passwords`.

    `dedicated` says that nothing else uses this server, so that its maintenance databases are closed to the roles too.
    """
    async with _connect(admin_url) as admin, _locked(admin):
        superuser = await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        async with admin.transaction():
            for service, password in passwords.items():
                await _create_role(admin, name_of(service), password, superuser=superuser)
            if dedicated:
                await admin.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
        existing = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
        missing = [name_of(service) for service in passwords if name_of(service) not in existing]
        await _in_parallel(create_database(admin_url, name, owner=name) for name in missing)


async def create_database(
    admin_url: str, name: str, *, owner: str, template: str = "template1", strategy: str = "wal_log"
) -> None:
    """Create a database that only its owner can connect to. The `strategy` file_copy is faster where checkpoints are
    cheap."""
    async with _connect(admin_url) as admin:
        await admin.execute(f'CREATE DATABASE "{name}" OWNER "{owner}" TEMPLATE "{template}" STRATEGY {strategy}')
        await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')


async def drop_database(admin_url: str, name: str) -> None:
    async with _connect(admin_url) as admin:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def migrate_all(admin_url: str, passwords: Mapping[str, str]) -> dict[str, int]:
    """Migrate each service's database. Returns the number of applied migrations by service."""
    async with _connect(admin_url) as admin, _locked(admin):
        urls = {service: url_of(admin_url, service, password) for service, password in passwords.items()}
        counts = await _in_parallel(migrate(service, url) for service, url in urls.items())
        return dict(zip(urls, counts, strict=True))


async def migrate_one(service: str, database_url: str) -> int:
    """The same with only the service's own URL, where its role and database were created by other means."""
    async with _connect(database_url) as connection, _locked(connection):
        return await migrate(service, database_url)


async def migrate(service: str, database_url: str) -> int:
    """Apply the missing migrations as the role in the URL. The caller holds the lock."""
    pending = await _pending(service, database_url)
    if pending:
        await dbmate(service, database_url, "migrate")
    return len(pending)


async def dbmate(service: str, database_url: str, command: str) -> None:
    """Run dbmate on one database. Raises `MigrationFailed` with its output."""
    arguments = ["--env", "SERAI_MIGRATION_URL", "--env-file", os.devnull, "--no-dump-schema"]
    for folder in migration_folders(service):
        arguments += ["--migrations-dir", str(folder)]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("dbmate")),
        *arguments,
        command,
        # In the environment, because any user of the machine can read a process's arguments.
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "SERAI_MIGRATION_URL": _dbmate_url(database_url)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), MIGRATION_TIMEOUT_S)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        raise MigrationFailed(f"migrating the database of {service} failed:\n{output.decode(errors='replace').strip()}")


async def check_all(admin_url: str, passwords: Mapping[str, str]) -> None:
    """`check` for each service in `passwords`, several at a time."""
    await _in_parallel(check(admin_url, service, password) for service, password in passwords.items())


async def check(admin_url: str, service: str, password: str) -> None:
    """Check on a temporary database that the service's migrations go up, down to nothing, and up again."""
    name = f"serai_check_{service}_{os.getpid()}"
    await create_database(admin_url, name, owner=name_of(service))
    try:
        url = url_of(admin_url, service, password, database=name)
        count = await migrate(service, url)
        first = await _contents(url)
        for _ in range(count):
            await dbmate(service, url, "rollback")
        if leftover := await _contents(url):
            raise MigrationFailed(f"{service}: after every migrate:down these remain: {', '.join(sorted(leftover))}")
        await migrate(service, url)
        if changed := await _contents(url) ^ first:
            raise MigrationFailed(f"{service}: up, down, up differs from up: {', '.join(sorted(changed))}")
    finally:
        await drop_database(admin_url, name)


async def _create_role(admin: Connection, role: str, password: str, *, superuser: bool) -> None:
    # Names and passwords cannot be parameters of these statements; the server quotes them.
    exists = await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    await admin.execute(
        await admin.fetchval(
            "SELECT format($1 || ' ROLE %I LOGIN PASSWORD %L', $2::text, $3::text)", verb, role, password
        )
    )
    for setting, value in ROLE_SETTINGS.items():
        await admin.execute(f"ALTER ROLE \"{role}\" SET {setting} = '{value}'")
    if not superuser:
        # The administrator of a managed server must be a member of the role to create a database that it owns.
        await admin.execute(f'GRANT "{role}" TO CURRENT_USER')


async def _pending(service: str, database_url: str) -> list[Migration]:
    async with _connect(database_url) as connection:
        extensions = {row["extname"] for row in await connection.fetch("SELECT extname FROM pg_extension")}
        for extension in EXTENSIONS.get(service, ()):
            if extension not in extensions:
                # All of them are "trusted" extensions, which the owner of a database may create.
                await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        if await connection.fetchval("SELECT to_regclass('public.schema_migrations')") is None:
            return migrations_of(service)
        applied = {row["version"] for row in await connection.fetch("SELECT version FROM public.schema_migrations")}
        return [migration for migration in migrations_of(service) if migration.version not in applied]


async def _contents(database_url: str) -> set[str]:
    """Every column, index, constraint, type and function of ours in the database, as one line each."""
    async with _connect(database_url) as connection:
        rows = await connection.fetch(
            """
            WITH ours AS (
              SELECT c.oid, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
                AND c.relname NOT LIKE 'schema_migrations%'
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
            )
            SELECT 'column ' || relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
                   || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS line
            FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
            WHERE relkind IN ('r', 'p', 'v', 'm')
            UNION ALL SELECT 'index ' || pg_get_indexdef(oid) FROM ours WHERE relkind IN ('i', 'I')
            UNION ALL SELECT 'sequence ' || relname FROM ours WHERE relkind = 'S'
            UNION ALL SELECT 'constraint ' || relname || ' ' || pg_get_constraintdef(k.oid)
            FROM pg_constraint k JOIN ours ON ours.oid = k.conrelid
            UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid)
            FROM pg_trigger t JOIN ours ON ours.oid = t.tgrelid WHERE NOT tgisinternal
            UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid)
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prokind IN ('f', 'p')
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            UNION ALL SELECT 'type ' || t.typname
            FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND t.typtype IN ('e', 'd')
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
            """
        )
        return {row["line"] for row in rows}


@asynccontextmanager
async def _connect(url: str) -> AsyncIterator[Connection]:
    try:
        connection: Connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings={"statement_timeout": "0"}
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
        parts = urlsplit(url)
        place = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
        raise MigrationFailed(f"cannot connect to the database at {place} as {parts.username}: {problem}") from problem
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncIterator[None]:
    """Only one caller at a time on this server. The lock is released when a caller's session ends."""
    try:
        await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S:.0f}s'")
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
    except asyncpg.LockNotAvailableError:
        raise MigrationFailed(
            "another migration has been running on this server for a minute; try again later"
        ) from None
    try:
        yield
    finally:
        await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")


def _dbmate_url(database_url: str) -> str:
    """Without a statement timeout, and without TLS on loopback unless the URL asks for it."""
    parts = urlsplit(database_url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    options["statement_timeout"] = "0"
    if parts.hostname in {"127.0.0.1", "::1", "localhost"}:
        options.setdefault("sslmode", "disable")
    return urlunsplit(parts._replace(query=urlencode(options)))


async def _in_parallel(work: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run `PARALLEL` of them at a time. All finish before the first failure is raised."""
    semaphore = asyncio.Semaphore(PARALLEL)

    async def limited(one: Coroutine[Any, Any, Any]) -> Any:
        async with semaphore:
            return await one

    results = await asyncio.gather(*(limited(one) for one in work), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
