"""How a service's statements are carried out by the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from serai.chassis.db import Database

_LINES = (
    """select l.id from cart c left join cart_line l on l.cart_id = c.id where c.guest_hash = '\\x00' order by l.id"""
)
_FEW = """insert into cart (id, guest_hash, version)
          select gen_random_uuid(), decode(lpad(to_hex(n), 64, '0'), 'hex'), 1 from generate_series(1, 20) n"""
_OF_EACH = """insert into cart_line (id, cart_id, product_id, variant_id, quantity)
              select gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), 1 from cart"""


@pytest.mark.parametrize(("scans", "whole_table"), [(True, True), (False, False)])
async def test_a_service_that_does_not_scan_finds_few_rows_as_it_will_find_many(
    database: Callable[[str], str], scans: bool, whole_table: bool
) -> None:
    db = Database(database("cart"), size=1, scans=scans)
    await db.open()
    try:
        async with db.connection() as conn:
            await conn.execute(_FEW)
            await conn.execute(_OF_EACH)
            await conn.execute("analyze cart, cart_line")
            plan = "\n".join([row[0] for row in await conn.fetch(f"explain {_LINES}")])
        assert ("Seq Scan" in plan) is whole_table, plan
        assert scans or ("Hash" not in plan and "Merge" not in plan)
    finally:
        await db.close()
