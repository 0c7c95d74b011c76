"""Moves the demo orders, which were all placed just now, back over the last weeks.

Only `serai seed --orders` calls it, for orders that it placed through the API. It writes dates, but no amount and no
status, directly to the order service's tables. Payment, Stripe and the stock keep the real times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection, Database
from serai.contracts.order.orders import HistoryEntry

#: Typical time between a status and the one before it.
_AFTER = {
    "pending": timedelta(0),
    "awaiting_payment": timedelta(seconds=2),
    "paid": timedelta(minutes=4),
    "rejected": timedelta(seconds=1),
    "cancelled": timedelta(minutes=35),
    "shipped": timedelta(hours=22),
    "delivered": timedelta(hours=55),
    "refunding": timedelta(hours=31),
    "refunded": timedelta(seconds=20),
}
#: An order's UUIDv7 contains the time it was really placed. If its date differs by more, it has been moved before.
_SAME_TIME = timedelta(minutes=1)
#: Share of the age within which all steps must lie, so that no step of a recent order is in the future.
_LATEST = 0.9


@dataclass(frozen=True, slots=True)
class Past:
    """The times of an order as if it had been placed earlier."""

    history: list[HistoryEntry]
    paid_at: datetime | None
    shipped_at: datetime | None
    #: The last change, which includes a refund.
    changed_at: datetime

    @property
    def placed_at(self) -> datetime:
        return self.history[0].at


async def placed(database_url: str, prefix: str) -> dict[str, UUID]:
    """The newest order of each idempotency key with this prefix, by key, including rejected orders."""
    db = Database(database_url, size=1, name="serai-seed")
    await db.open()
    try:
        async with db.connection() as conn:
            return await _orders_by_key(conn, prefix)
    finally:
        await db.close()


async def date_back(database_url: str, ages: Mapping[UUID, timedelta]) -> int:
    """Move each order and its history into the past by its age, in one transaction.

    Returns how many were moved. Orders that have been moved before are left unchanged.
    """
    now = datetime.now(UTC)
    moved = 0
    db = Database(database_url, size=1, name="serai-seed")
    await db.open()
    try:
        async with db.transaction() as tx:
            for order_id, age in ages.items():
                row = await _lock_order(tx, order_id)
                if row is None or not _is_new(order_id, row["created_at"]):
                    continue
                past = past_of(
                    msgspec.convert(row["history"], list[HistoryEntry]),
                    partly_refunded=0 < row["refunded"] < row["total"],
                    age=age,
                    now=now,
                    pace=0.8 + order_id.int % 50 / 100,
                )
                await _set_times(tx, order_id, past)
                moved += 1
        return moved
    finally:
        await db.close()


def past_of(
    history: list[HistoryEntry],
    *,
    partly_refunded: bool,
    age: timedelta,
    now: datetime,
    pace: float = 1.0,
) -> Past:
    """The same steps in the same order, the first of them `age` ago and none later than `now`. `pace` scales the time
    between steps."""
    offsets: list[timedelta] = []
    reached = timedelta(0)
    for entry in history:
        reached += _AFTER[entry.status] * pace
        offsets.append(reached)
    if partly_refunded:
        # A partial refund is not in the history; only its date changes.
        reached += _AFTER["refunding"] * pace
    scale = min(1.0, age * _LATEST / reached) if reached else 1.0
    at = [now - age + offset * scale for offset in offsets]
    times = {entry.status: when for entry, when in zip(history, at, strict=True)}
    return Past(
        [HistoryEntry(entry.status, when) for entry, when in zip(history, at, strict=True)],
        times.get("paid"),
        times.get("shipped"),
        now - age + reached * scale,
    )


def _is_new(order_id: UUID, created_at: datetime) -> bool:
    # The first 48 bits of a UUIDv7 are milliseconds.
    created = datetime.fromtimestamp((order_id.int >> 80) / 1000, UTC)
    return abs(created_at - created) < _SAME_TIME


# Statements on the order service's tables, which only the demo uses.


async def _orders_by_key(conn: Connection, prefix: str) -> dict[str, UUID]:
    rows = await conn.fetch(
        """select context ->> 'key' as key, order_id from checkout.saga
           where starts_with(context ->> 'key', $1) order by order_id""",
        prefix,
    )
    return {row["key"]: row["order_id"] for row in rows}


async def _lock_order(tx: Connection, order_id: UUID) -> asyncpg.Record | None:
    return await tx.fetchrow(
        "select history, refunded, total, created_at from orders.orders where id = $1 for update", order_id
    )


async def _set_times(tx: Connection, order_id: UUID, past: Past) -> None:
    await tx.execute(
        "update orders.orders set history = $2, created_at = $3, paid_at = $4, updated_at = $5 where id = $1",
        order_id,
        past.history,
        past.placed_at,
        past.paid_at,
        past.changed_at,
    )
    await tx.execute("update orders.refund set at = $2 where order_id = $1", order_id, past.changed_at)
    await tx.execute("update fulfilment.fulfilment set shipped_at = $2 where order_id = $1", order_id, past.shipped_at)
