"""Query plans of a service without scans."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from serai.chassis.data.database import Database

_FEW = """insert into payment (id, order_id, state, tombstone, closed_at)
          select gen_random_uuid(), gen_random_uuid(), 'closed', true, now() from generate_series(1, 20)"""
_OF_EACH = """insert into attempt (payment_id, n, kind, key, request, state, expires_at)
              select id, 1, 'session', id::text, '{}', 'ended', now() from payment"""
_SEVERAL = """select a.state from unnest(array[gen_random_uuid(), gen_random_uuid()]) as asked (id)
              join payment p on p.id = asked.id join attempt a on a.payment_id = p.id and a.n = 1"""


@pytest.mark.parametrize(("scans", "whole_table"), [(True, True), (False, False)])
async def test_without_scans_a_nearly_empty_table_is_read_by_index(
    database: Callable[[str], str], scans: bool, whole_table: bool
) -> None:
    db = Database(database("payment"), size=1, scans=scans)
    await db.open()
    try:
        async with db.connection() as conn:
            await conn.execute(_FEW)
            await conn.execute(_OF_EACH)
            await conn.execute("analyze payment, attempt")
            plan = "\n".join([row[0] for row in await conn.fetch(f"explain {_SEVERAL}")])
        assert ("Seq Scan" in plan) is whole_table, plan
        assert whole_table or plan.count("Index Cond") == 2, plan
    finally:
        await db.close()
