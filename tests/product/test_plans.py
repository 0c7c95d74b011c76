"""How often the server plans what is asked for with every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from serai.chassis.data.database import Connection, Database
from serai.product.catalogue.store import products
from serai.product.offers.store import variant_facts

#: PostgreSQL plans a prepared statement for what it is given five times, then decides.
LEARNING = 5


@pytest.mark.parametrize("find", [products, variant_facts])
@pytest.mark.parametrize("several", [1, 4])
async def test_what_is_found_by_a_few_ids_is_planned_once(
    database: Callable[[str], str], find: Callable[[Connection, Sequence[UUID]], Awaitable[Any]], several: int
) -> None:
    db = Database(database("product"), size=1)
    await db.open()
    async with db.connection() as conn:
        for _ in range(LEARNING + 10):
            await find(conn, [uuid4() for _ in range(several)])
        planned = await conn.fetchrow(
            "select generic_plans, custom_plans from pg_prepared_statements where statement like $1", "%variant%"
        )
    await db.close()
    assert planned is not None
    assert (planned["generic_plans"], planned["custom_plans"]) == (10, LEARNING)
