"""A service's own PostgreSQL database: a bounded pool, transactions, and driver errors as our own errors.

Statements live in each service's `store.py`. Actions open the transaction and pass the connection on. No code may wait
for the network between `transaction()` and its end.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from serai.chassis import telemetry
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
                with telemetry.span("statement", self._name):
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
