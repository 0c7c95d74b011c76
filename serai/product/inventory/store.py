"""SQL statements for stock: levels, holds, and the ledger.

The units of a variant are columns of its row. To avoid deadlocks, statements lock the rows of variants in the order of
their ids, and the hold after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.contracts.product.inventory import HeldLine, HoldLine, StockLevel, StockMovement
from serai.product.changes import NOTE_CHANGE
from serai.product.inventory.domain import HoldEnd, HoldStatus
from serai.product.offers.store import AVAILABLE_COLUMN, OFFER_COLUMNS, read_offer

#: Records the initial stock of new variants in the ledger: the end of a statement with a CTE `fresh` of the columns
#: variant_id, product_id, units, by.
INITIAL_MOVEMENTS = """
insert into stock_movement (variant_id, product_id, delta, reason, by)
select variant_id, product_id, units, 'initial', by from fresh where units > 0
"""

#: The hold stores the rows as they were read under the locks; `_held_lines` converts them to offers.
_HOLD = f"""
    with requested as (
        select * from unnest($3::uuid[], $4::bigint[]) as line (variant_id, quantity)
    ), locked as (
        select {OFFER_COLUMNS}, {AVAILABLE_COLUMN}
        from variant v join product p on p.id = v.product_id
        where v.id = any($3)
        order by v.id
        for no key update of v
    ), short as (
        select variant_id, quantity as requested, coalesce(available, 0) as available
        from requested left join locked using (variant_id)
        where coalesce(available, 0) < quantity
    ), opened as (
        insert into hold (id, status, asked, lines)
        select $1, 'held', $2, jsonb_agg(to_jsonb(line) - 'available' order by variant_id)
        from (select * from requested join locked using (variant_id)) line
        having not exists (select from short)
        on conflict (id) do nothing
        returning lines
    ), moved as (
        update variant v set available = v.available - requested.quantity, held = v.held + requested.quantity
        from requested
        where v.id = requested.variant_id and exists (select from opened)
    ), noted as (
        {NOTE_CHANGE}
        select array_agg(product_id), bool_or(available = quantity)
        from requested join locked using (variant_id)
        having exists (select from opened)
    )
    select (select lines from opened) as lines, (select jsonb_agg(to_jsonb(short)) from short) as short
"""
_END_HOLD = f"""
    with line as materialized (
        select variant_id, product_id, quantity
        from hold, jsonb_to_recordset(lines) as line (variant_id uuid, product_id uuid, quantity bigint)
        where hold.id = $1 and hold.status = $2
    ), locked as (
        select id as variant_id, available from variant
        where id = any(array(select variant_id from line)) order by id for no key update
    ), ended as (
        update hold set status = $3, ended_at = now()
        where id = $1 and status = $2 and (select count(*) from locked) >= 0
        returning id
    ), moved as (
        update variant v
        set available = v.available + case when $3 = 'committed' then 0 else quantity end,
            held = v.held - case when $3 = 'returned' then 0 else quantity end,
            sold = v.sold + case $3 when 'committed' then quantity when 'returned' then -quantity else 0 end
        from line
        where v.id = line.variant_id and v.id = any(array(select variant_id from line))
          and exists (select from ended)
    ), ledger as (
        insert into stock_movement (variant_id, product_id, delta, reason, order_id)
        select variant_id, product_id, case $3 when 'committed' then -quantity else quantity end,
               case $3 when 'committed' then 'sold' else 'returned' end, $4
        from line where $3 in ('committed', 'returned') and exists (select from ended)
    ), noted as (
        {NOTE_CHANGE}
        select array_agg(product_id), bool_or(available = 0) from line join locked using (variant_id)
        having $3 <> 'committed' and exists (select from ended)
    )
    select exists (select from ended)
"""


class Held(msgspec.Struct, frozen=True):
    status: HoldStatus
    fingerprint: str | None
    lines: list[HeldLine]


class StockMoved(Exception):
    """The stock changed while a hold waited for its row. Nothing was done; try again.

    An update evaluates check constraints on the version of the row that its statement saw first, before it notices a
    newer version. Units that were returned in the meantime are missing in the old version.
    """


async def move_stock(
    conn: Connection, product_id: UUID, variant_id: UUID, delta: int, most: int
) -> tuple[bool, StockLevel] | None:
    """Add `delta` units if that leaves between 0 and `most` available. Returns whether it did, and the level
    afterwards; None if the product has no such variant."""
    row = await conn.fetchrow(
        """
        with moved as (
            update variant set available = available + $3, restocked = restocked + $3
            where id = $1 and product_id = $2 and available + $3 between 0 and $4
            returning id, on_hand, held, available
        )
        select true as fits, * from moved
        union all
        select false, id, on_hand, held, available from variant
        where id = $1 and product_id = $2 and not exists (select from moved)
        """,
        variant_id,
        product_id,
        delta,
        most,
    )
    return None if row is None else (row["fits"], _level(row))


async def note_movement(
    conn: Connection, product_id: UUID, variant_id: UUID, delta: int, reason: str, by: UUID
) -> None:
    await conn.execute(
        "insert into stock_movement (variant_id, product_id, delta, reason, by) values ($1, $2, $3, $4, $5)",
        variant_id,
        product_id,
        delta,
        reason,
        by,
    )


async def stock_level(conn: Connection, variant_id: UUID) -> StockLevel:
    row = await conn.fetchrow("select id, on_hand, held, available from variant where id = $1", variant_id)
    assert row is not None, "variants are archived, never deleted"
    return _level(row)


async def ledger(conn: Connection, product_id: UUID, limit: int, before: int) -> list[tuple[int, StockMovement]] | None:
    """Movements with their numbers, newest first; None if there is no such product."""
    rows = await conn.fetch(
        """
        select m.* from product p
        left join lateral (
            select * from stock_movement where product_id = p.id and id < $3 order by id desc limit $2
        ) m on true
        where p.id = $1
        """,
        product_id,
        limit,
        before,
    )
    if not rows:
        return None
    return [
        (
            row["id"],
            StockMovement(row["variant_id"], row["delta"], row["reason"], row["order_id"], row["by"], row["at"]),
        )
        for row in rows
        if row["id"] is not None
    ]


async def hold(
    conn: Connection, hold_id: str, fingerprint: str, lines: Sequence[HoldLine]
) -> tuple[list[HeldLine] | None, list[dict[str, Any]]]:
    """Hold all lines or none, in one statement. Returns the held lines or None, and the lines that are short.

    If there is a hold with this id already, nothing is held and no line is short; if it was inserted while this
    statement waited for its rows, lines may be reported as short too. Raises `StockMoved`.
    """
    with _enough_is_there():
        row = await conn.fetchrow(
            _HOLD,
            hold_id,
            fingerprint,
            [line.variant_id for line in lines],
            [line.quantity for line in lines],
        )
    assert row is not None
    return None if row["lines"] is None else _held_lines(row["lines"]), row["short"] or []


async def hold_of(conn: Connection, hold_id: str) -> Held | None:
    row = await conn.fetchrow("select status, asked, lines from hold where id = $1", hold_id)
    return None if row is None else Held(row["status"], row["asked"], _held_lines(row["lines"]))


async def end_hold(conn: Connection, hold_id: str, was: HoldStatus, end: HoldEnd, order_id: UUID | None) -> bool:
    """Move the held units as `end` requires. Returns False if the status of the hold is not `was`.

    The variants are locked before the hold, in the same order as in `hold`. They are also selected by an array, because
    the planner estimates a hundred lines for the JSON and would scan all variants.
    """
    ended = await conn.fetchval(
        _END_HOLD,
        hold_id,
        was,
        end,
        order_id,
    )
    return bool(ended)


async def forbid_hold(conn: Connection, hold_id: str) -> bool:
    """Store a tombstone in place of a hold. Returns False if there is a hold."""
    left = await conn.fetchval(
        """
        insert into hold (id, status, lines, ended_at) values ($1, 'released', '[]', now())
        on conflict (id) do nothing
        returning true
        """,
        hold_id,
    )
    return left is not None


# Conversion of rows


@contextmanager
def _enough_is_there() -> Iterator[None]:
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "variant_available_check":
            raise
        raise StockMoved from None


def _held_lines(rows: list[dict[str, Any]]) -> list[HeldLine]:
    """Converts the stored rows of a hold. Older holds stored the lines as they were sent (with `unit_price`)."""
    return [msgspec.convert(row, HeldLine) if "unit_price" in row else read_offer(row, HeldLine) for row in rows]


def _level(row: asyncpg.Record) -> StockLevel:
    return StockLevel(row["id"], row["on_hand"], row["held"], row["available"])
