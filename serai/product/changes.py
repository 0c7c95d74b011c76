"""Which products have come to be shown differently, told to every replica's cache.

Whoever changes what is shown of a product notes it in the same transaction; every replica asks four times a second what
was noted, and is told by NOTIFY too (`search/cache.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection, Database

CHANNEL = "catalogue"

#: The beginning of a part of a statement that selects which products have changed, and whether lists show it.
NOTE_CHANGE = "insert into change (product_ids, listed)"

#: To be awaited within the transaction, for each product that it changes.
Changed: TypeAlias = Callable[[UUID], Awaitable[None]]


class Changes:
    """Transactions that change products."""

    def __init__(self, db: Database, drop: Callable[[UUID], None]) -> None:
        """`drop` removes a product from this replica's own cache, so that whoever changed it reads the change."""
        self._db = db
        self._drop = drop

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[Connection, Changed]]:
        """A transaction, and the function that notes a changed product in it. Raises `DatabaseUnavailable`."""
        product_ids: list[UUID] = []

        async with self._db.transaction() as tx:

            async def changed(product_id: UUID) -> None:
                await note_change(tx, product_id)
                product_ids.append(product_id)

            yield tx, changed
        for product_id in product_ids:
            self._drop(product_id)


class NotedChanges(msgspec.Struct, frozen=True):
    """`seen` is what the next question continues from. `everything`: all products changed. `listed`: lists are shown
    differently too, not only these products."""

    seen: str
    product_ids: list[UUID]
    everything: bool
    listed: bool


async def note_change(conn: Connection, product_id: UUID | None) -> None:
    """Every replica drops that product (None: all of them) and every list when this transaction commits."""
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
    """Noted by transactions that `seen` did not see, however late they committed; without it nothing but a start.

    A transaction number beyond any given out comes from a restored dump, and says nothing here."""
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
    """Delete what every replica has long asked for."""
    await conn.execute("delete from change where at < now() - interval '10 minutes'")
