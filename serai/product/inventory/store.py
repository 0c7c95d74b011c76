"""Every statement about stock: what is there, what is held of it, and the ledger of both.

A variant's units stand in its own row. Whoever takes or gives back locks the rows of variants first, in the order of
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

#: Records in the ledger what new variants bring: the end of a statement whose CTE `fresh` has the columns variant_id,
#: product_id, units, by.
INITIAL_MOVEMENTS = """
insert into stock_movement (variant_id, product_id, delta, reason, by)
select variant_id, product_id, units, 'initial', by from fresh where units > 0
"""

#: The hold keeps the rows as they were read under the locks; `_held_lines` makes offers of them, whenever it is asked.
_HOLD = f"""
    with asked as (
        select * from unnest($3::uuid[], $4::bigint[]) as line (variant_id, quantity)
    ), locked as (
        select {OFFER_COLUMNS}, {AVAILABLE_COLUMN}
        from variant v join product p on p.id = v.product_id
        where v.id = any($3)
        order by v.id
        for no key update of v
    ), short as (
        select variant_id, quantity as requested, coalesce(available, 0) as available
        from asked left join locked using (variant_id)
        where coalesce(available, 0) < quantity
    ), opened as (
        insert into hold (id, status, asked, lines)
        select $1, 'held', $2, jsonb_agg(to_jsonb(line) - 'available' order by variant_id)
        from (select * from asked join locked using (variant_id)) line
        having not exists (select from short)
        on conflict (id) do nothing
        returning lines
    ), moved as (
        update variant v set available = v.available - asked.quantity, held = v.held + asked.quantity
        from asked
        where v.id = asked.variant_id and exists (select from opened)
    ), noted as (
        {NOTE_CHANGE}
        select array_agg(product_id), bool_or(available = quantity)
        from asked join locked using (variant_id)
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
    asked: str | None
    lines: list[HeldLine]


class StockMoved(Exception):
    """The stock moved while a hold waited for its row, and nothing was done: try again.

    An update begins with the row as its statement first saw it. That its check constraints hold is asked of this old
    version before it is noticed that there is a newer one, so where units have come back meanwhile they look missing.
    """


async def move_stock(
    conn: Connection, product_id: UUID, variant_id: UUID, delta: int, most: int
) -> tuple[bool, StockLevel] | None:
    """Add `delta` units where that leaves between none and `most` available. Whether it was done, and the level after;
    None when the product has no such variant."""
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
    """Newest first, each with its number; None when there is no such product."""
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
    conn: Connection, hold_id: str, asked: str, lines: Sequence[HoldLine]
) -> tuple[list[HeldLine] | None, list[dict[str, Any]]]:
    """All lines or none, in one statement: what is held now, else None; and the lines that are short.

    Nothing is held and nothing short when there is a hold of that id; when it was made while this statement waited
    for its rows, lines may seem short too. Raises `StockMoved`.
    """
    with _enough_is_there():
        row = await conn.fetchrow(
            _HOLD,
            hold_id,
            asked,
            [line.variant_id for line in lines],
            [line.quantity for line in lines],
        )
    assert row is not None
    return None if row["lines"] is None else _held_lines(row["lines"]), row["short"] or []


async def hold_of(conn: Connection, hold_id: str) -> Held | None:
    row = await conn.fetchrow("select status, asked, lines from hold where id = $1", hold_id)
    return None if row is None else Held(row["status"], row["asked"], _held_lines(row["lines"]))


async def end_hold(conn: Connection, hold_id: str, was: HoldStatus, end: HoldEnd, order_id: UUID | None) -> bool:
    """Move what is held to where this end puts it; False when the hold is not in the status it must have been.

    The variants are locked before the hold, as `hold` does it: its insert waits for whoever is changing the row. They
    are named by an array too, because the planner takes the JSON for a hundred lines and would read all variants.
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
    """Leave a tombstone where there is no hold; False when there is one."""
    left = await conn.fetchval(
        """
        insert into hold (id, status, lines, ended_at) values ($1, 'released', '[]', now())
        on conflict (id) do nothing
        returning true
        """,
        hold_id,
    )
    return left is not None


# From rows to what they mean


@contextmanager
def _enough_is_there() -> Iterator[None]:
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "variant_available_check":
            raise
        raise StockMoved from None


def _held_lines(rows: list[dict[str, Any]]) -> list[HeldLine]:
    """From the rows that a hold keeps; those of before offers were read from columns are as they were answered."""
    return [msgspec.convert(row, HeldLine) if "unit_price" in row else read_offer(row, HeldLine) for row in rows]


def _level(row: asyncpg.Record) -> StockLevel:
    return StockLevel(row["id"], row["on_hand"], row["held"], row["available"])
