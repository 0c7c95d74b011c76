"""Records which products have changed, so that the cache of every replica drops them (`search/cache.py`).

A transaction that changes how a product is shown records the change within itself. Replicas read the recorded changes
four times a second, and NOTIFY announces them as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection, Database

CHANNEL = "catalogue"

#: The beginning of a CTE; a query of (product ids, whether lists change too) follows.
NOTE_CHANGE = "insert into change (product_ids, listed)"

#: Called within the transaction for each product that it changes.
Changed: TypeAlias = Callable[[UUID], Awaitable[None]]


class Changes:
    """Transactions that change products."""

    def __init__(self, db: Database, drop: Callable[[UUID], None]) -> None:
        """`drop` removes a product from the cache of this replica, so that the client reads its own change."""
        self._db = db
        self._drop = drop

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[Connection, Changed]]:
        """A transaction, and the function that records a changed product in it. Raises `DatabaseUnavailable`."""
        product_ids: list[UUID] = []

        async with self._db.transaction() as tx:

            async def changed(product_id: UUID) -> None:
                await note_change(tx, product_id)
                product_ids.append(product_id)

            yield tx, changed
        for product_id in product_ids:
            self._drop(product_id)


class NotedChanges(msgspec.Struct, frozen=True):
    """`seen` is the argument of the next call. `everything`: all products changed. `listed`: lists changed too, not
    only the products themselves."""

    seen: str
    product_ids: list[UUID]
    everything: bool
    listed: bool


async def note_change(conn: Connection, product_id: UUID | None) -> None:
    """Record a changed product (None: all products): every replica drops it and every list when the transaction
    commits."""
    await conn.execute(
        f"""
        with noted as (
            {NOTE_CHANGE} values (nullif(array[$1::uuid], array[null::uuid]), true)
        )
        select pg_notify($2, coalesce($1::text, ''))
        """,
        product_id,
        CHANNEL,
    )


async def noted_changes(conn: Connection, seen: str | None, timeout_s: float) -> NotedChanges:
    """The changes of transactions that the snapshot `seen` did not see, whenever they committed; none if it is None.

    Rows with a transaction id of the future come from a restored dump and are ignored."""
    row = await conn.fetchrow(
        """
        with noted as (
            select product_ids, listed from change
            where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
              and xid < pg_snapshot_xmax(pg_current_snapshot())
              and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
        )
        select pg_current_snapshot()::text as seen,
               array(select distinct unnest(product_ids) from noted) as product_ids,
               exists (select from noted where product_ids is null) as everything,
               exists (select from noted where listed) as listed
        """,
        seen,
        timeout=timeout_s,
    )
    assert row is not None
    return NotedChanges(row["seen"], row["product_ids"], row["everything"], row["listed"])


async def prune(conn: Connection) -> None:
    """Delete changes that every replica has read long ago."""
    await conn.execute("delete from change where at < now() - interval '10 minutes'")
