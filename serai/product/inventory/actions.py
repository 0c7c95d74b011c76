"""What can be done to stock: adjust it by hand, hold it for an order, and end a hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Invalid, NotFound, Unavailable
from serai.contracts.product.inventory import (
    MAX_STOCK,
    AdjustStock,
    HeldLine,
    HoldClosed,
    HoldLine,
    OutOfStock,
    RequestDiffers,
    StockLevel,
    StockTooLow,
)
from serai.product.changes import Changes
from serai.product.inventory import store
from serai.product.inventory.domain import DONE_BEFORE, STARTS_FROM, HoldEnd, order_of

#: It is rare to be overtaken once.
HOLD_TRIES = 5


async def adjust_stock(
    changes: Changes, product_id: UUID, change: AdjustStock, *, by: UUID, once: IdempotentRequest
) -> tuple[StockLevel, bool]:
    """The level after units came or went, and whether an earlier request with this key had moved them. Raises
    `NotFound`, `Invalid`, `StockTooLow`."""
    async with changes.transaction() as (tx, changed):
        if (made := await once.bound_resource(tx)) is not None:
            return await store.stock_level(tx, UUID(made)), True
        if change.delta == 0:
            raise Invalid(errors=[{"field": "delta", "message": "cannot be 0"}])
        moved = await store.move_stock(tx, product_id, change.variant_id, change.delta, MAX_STOCK)
        if moved is None:
            raise NotFound
        fits, level = moved
        if not fits and change.delta > 0:
            raise Invalid(errors=[{"field": "delta", "message": f"would make more than {MAX_STOCK} available"}])
        if not fits:
            raise StockTooLow(available=level.available, held=level.held)
        await store.note_movement(tx, product_id, change.variant_id, change.delta, change.reason, by)
        await once.bind(tx, change.variant_id)
        await changed(product_id)
        return level, False


async def hold_stock(db: Database, hold_id: str, lines: Sequence[HoldLine]) -> list[HeldLine]:
    """Hold all lines or none. Raises `OutOfStock` with every short line, `HoldClosed`, `RequestDiffers`, `Invalid`."""
    lines = sorted(lines, key=lambda line: line.variant_id)
    if len({line.variant_id for line in lines}) != len(lines):
        raise Invalid(errors=[{"field": "lines", "message": "has a variant twice"}])
    asked = hashlib.sha256(msgspec.json.encode(lines)).hexdigest()
    async with db.connection() as conn:
        held, short = await _hold(conn, hold_id, asked, lines)
        if held is not None:
            return held
        earlier = await store.hold_of(conn, hold_id)
    if earlier is None:
        raise OutOfStock(items=short)
    if earlier.status != "held":
        raise HoldClosed
    if earlier.asked != asked:
        raise RequestDiffers
    return earlier.lines


async def _hold(
    conn: Connection, hold_id: str, asked: str, lines: Sequence[HoldLine]
) -> tuple[list[HeldLine] | None, list[dict[str, Any]]]:
    for _ in range(HOLD_TRIES):
        try:
            return await store.hold(conn, hold_id, asked, lines)
        except store.StockMoved:
            continue
    raise Unavailable("The stock changes too fast; try again.")


async def commit_hold(db: Database, hold_id: str) -> None:
    """Raises `HoldClosed`, `NotFound`."""
    async with db.connection() as conn:
        if not await _end(conn, hold_id, "committed"):
            earlier = await store.hold_of(conn, hold_id)
            if earlier is None:
                raise NotFound
            if earlier.status not in DONE_BEFORE["committed"]:
                raise HoldClosed


async def release_hold(db: Database, hold_id: str) -> None:
    """Also where nothing was held, so that nothing will be. Raises `HoldClosed`."""
    async with db.connection() as conn:
        # A hold that arrives between the two statements is there when we look again.
        while not await _end(conn, hold_id, "released") and not await store.forbid_hold(conn, hold_id):
            earlier = await store.hold_of(conn, hold_id)
            assert earlier is not None, "holds are never deleted"
            if earlier.status in DONE_BEFORE["released"]:
                return
            if earlier.status != STARTS_FROM["released"]:
                raise HoldClosed


async def return_hold(db: Database, hold_id: str) -> None:
    """Raises `NotFound`."""
    async with db.connection() as conn:
        if not await _end(conn, hold_id, "returned"):
            earlier = await store.hold_of(conn, hold_id)
            if earlier is None or earlier.status not in DONE_BEFORE["returned"]:
                raise NotFound


async def _end(conn: Connection, hold_id: str, end: HoldEnd) -> bool:
    return await store.end_hold(conn, hold_id, STARTS_FROM[end], end, order_of(hold_id))
