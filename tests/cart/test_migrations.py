from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest

from serai.cart import store
from serai.cart.domain import NO_CART, Line
from serai.cart.store import Owner
from serai.chassis.data.database import Database
from serai.supervisor import databases


async def test_lines_move_into_their_cart_and_back(database: Callable[[str], str]) -> None:
    url = database("cart")
    db = Database(url, size=1)
    await db.open()
    full, emptied = Owner(user_id=uuid4()), Owner(guest_hash=b"g" * 32)
    lines = tuple(sorted((Line(uuid4(), uuid4(), uuid4(), n) for n in (1, 2, 999)), key=lambda line: line.id))
    try:
        async with db.connection() as conn:
            await store.save(conn, full, NO_CART, lines)
            await store.save(conn, emptied, NO_CART, ())
            await databases.dbmate("cart", url, "rollback")
            assert await conn.fetchval("select count(*) from cart_line") == len(lines)
            await databases.dbmate("cart", url, "migrate")
            assert (await store.cart_of(conn, full)).lines == lines
            assert (await store.cart_of(conn, emptied)).lines == ()
            for wrong in (0, 1000):
                with pytest.raises(asyncpg.CheckViolationError):
                    await conn.execute(
                        "update cart set lines = jsonb_build_array(jsonb_build_object('quantity', $1::int))", wrong
                    )
    finally:
        await db.close()
