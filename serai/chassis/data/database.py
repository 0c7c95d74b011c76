"""A service's own PostgreSQL database: a bounded pool, transactions, and driver errors as our own errors.

Statements live in each service's `store.py`. Actions open the transaction and pass the connection on. No code may wait
for the network between `transaction()` and its end.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from serai.chassis import tracing
from serai.chassis.errors import Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

#: Longest wait for a free connection and for one statement, in seconds. The database role has limits of its own too.
ACQUIRE_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 6.0
#: Plans that read a whole table, alone or to join it.
_TABLE_SCANS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
#: After a statement succeeded, the database counts as available for this long without a check.
AVAILABLE_FOR_S = 0.5

#: Errors after which a retry may succeed: the server went away, is starting, is overloaded, or rolled this transaction
#: back to resolve a conflict.
TRANSIENT: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)


class DatabaseUnavailable(Unavailable):
    """The database did not respond. A write in progress has either committed or not; read again to find out."""

    code, detail = "database_unavailable", "The data store is briefly not available; try again."
    maybe_done = True


if TYPE_CHECKING:
    _AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
else:  # At run time the class is not generic.
    _AsyncpgConnection = asyncpg.Connection


class _TracedConnection(_AsyncpgConnection):
    """Records a span for each statement. The text of a statement has no values, which are parameters."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        with _statement(query):
            return await super().execute(query, *args, **options)

    async def executemany(self, command: str, args: Any, **options: Any) -> None:
        with _statement(command):
            await super().executemany(command, args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        with _statement(query):
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        with _statement(query):
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        with _statement(query):
            return await super().fetchval(query, *args, **options)


def _statement(query: str) -> tracing.Span:
    """A client's span in the semantic conventions of databases."""
    span = tracing.span("statement", _summary(query))
    span.attributes["db.system.name"] = "postgresql"
    span.attributes["db.query.text"] = query
    return span


@lru_cache(maxsize=1024)
def _summary(query: str) -> str:
    """The operation and the table that it names first, such as "insert orders.order"."""
    operation = query.split(None, 1)[0].rstrip(";").lower() if query.strip() else "statement"
    table = _TABLE.search(query)
    return f"{operation} {table[1]}" if table else operation


#: The first table of a statement.
_TABLE = re.compile(r"\b(?:from|into|update|join)\s+([a-z_][a-z_0-9.]*)", re.IGNORECASE)


class Database:
    """The connection pool of one process. Call `open()` before use; `close()` waits for running statements."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        name: str = "serai",
        scans: bool = True,
        on_acquired: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`on_acquired` is called for every acquired connection with the seconds that acquiring took.

        Without `scans` a statement uses an index wherever there is one. Otherwise the planner may choose a sequential
        scan while a table is nearly empty, and keep that plan while the table grows, until the next ANALYZE.
        """
        self._url = url
        self._size = size
        self._settings = {"application_name": name} | ({} if scans else dict.fromkeys(_TABLE_SCANS, "off"))
        self._name = name
        self._on_acquired = on_acquired
        self._last_success_at = -math.inf
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=self._size,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=5.0,
            max_inactive_connection_lifetime=30.0,
            statement_cache_size=256,
            server_settings=self._settings,
            init=_set_json_codec,
            reset=_no_reset,
            connection_class=_TracedConnection,
        )

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), 3.0)
            except TRANSIENT:
                pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for reads: one statement, one snapshot. Raises `DatabaseUnavailable`."""
        if self._pool is None:
            raise DatabaseUnavailable
        requested_at = time.perf_counter()
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as conn:
                self._on_acquired(time.perf_counter() - requested_at)
                yield conn
                self._last_success_at = time.perf_counter()
        except TRANSIENT as error:
            raise DatabaseUnavailable from error

    async def is_available(self) -> bool:
        """Whether the database responds. Skips the check where a statement has just succeeded, so that a probe neither
        waits for a connection nor takes one from requests."""
        if time.perf_counter() - self._last_success_at < AVAILABLE_FOR_S:
            return True
        try:
            async with asyncio.timeout(1.0), self.connection() as conn:
                await conn.fetchval("select 1")
        except (Unavailable, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Read committed. Committed when the block ends, rolled back when it raises. Raises `DatabaseUnavailable`."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    async def dedicated(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection outside the pool, for LISTEN. The caller closes it."""
        return await asyncpg.connect(
            self._url, timeout=5.0, server_settings={"application_name": f"{self._name}-listen"}
        )


async def _no_reset(_: Any) -> None:
    """Replaces asyncpg's reset of every released connection, which costs a round trip. No statement of ours sets
    session state."""


async def _set_json_codec(conn: Any) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )
