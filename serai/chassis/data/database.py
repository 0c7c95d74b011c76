"""A service's own PostgreSQL database: a bounded pool, transactions, and driver errors in our vocabulary.

Statements live in each service's `store.py`; actions open the transaction and hand the connection on. Nothing that
waits for the network may happen between `transaction()` and its end.
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

#: Longest wait for a free connection and for one statement, in seconds; the role's own limits stand behind them.
ACQUIRE_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 6.0
#: Ways to read a whole table, in itself or to join it.
_WHOLE_TABLES = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
#: A statement that succeeded proves for so long that the database works.
PROOF_LIFE_S = 0.5

#: What a caller may simply try again: the server went away, is starting, is overloaded, or chose us as a victim.
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
    """The database did not answer. What was being written either committed or did not: ask again to know."""

    code, detail = "database_unavailable", "The data store is briefly not available; try again."
    maybe_done = True


class Database:
    """The pool of one process. `open()` before use; `close()` waits for what is running."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        name: str = "serai",
        scans: bool = True,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`waited` is told of every connection that was asked for, and for how many seconds.

        Without `scans` a statement goes by an index wherever there is one. Else the server may decide, while a table is
        nearly empty, that reading all of it is cheapest, and keep to that while it grows, until it counts again.
        """
        self._url = url
        self._size = size
        self._settings = {"application_name": name} | ({} if scans else dict.fromkeys(_WHOLE_TABLES, "off"))
        self._name = name
        self._waited = waited
        self._worked_at = -math.inf
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
            init=_teach_json,
            reset=_leave,
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
        asked_at = time.perf_counter()
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as conn:
                self._waited(time.perf_counter() - asked_at)
                with telemetry.span("statement", self._name):
                    yield conn
                self._worked_at = time.perf_counter()
        except TRANSIENT as error:
            raise DatabaseUnavailable from error

    async def works(self) -> bool:
        """Whether it does now. Where a statement has just succeeded nothing is asked: a probe must neither wait behind
        those who work nor make them wait."""
        if time.perf_counter() - self._worked_at < PROOF_LIFE_S:
            return True
        try:
            async with asyncio.timeout(1.0), self.connection() as conn:
                await conn.fetchval("select 1")
        except (Unavailable, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Read committed; committed when the block ends, undone when it raises. Raises `DatabaseUnavailable`."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    async def dedicated(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection outside the pool, for LISTEN. The caller closes it."""
        return await asyncpg.connect(
            self._url, timeout=5.0, server_settings={"application_name": f"{self._name}-listen"}
        )


async def _leave(_: Any) -> None:
    """asyncpg would have the server reset the connection after every use: a round trip for state that nobody sets."""


async def _teach_json(conn: Any) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )
