"""Callers that share a statement each get their own result, and an error affects only its own item."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import asyncpg
import pytest

from serai.chassis.data.batch import Batch
from serai.chassis.data.database import Connection, Database


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    opened = Database(database("payment"))
    await opened.open()
    yield opened
    await opened.close()


class Statement:
    """Divides a hundred by each number, and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, conn: Connection, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        rows = await conn.fetch(
            """select 100 / divisor as result
               from unnest($1::int[]) with ordinality as input (divisor, place) order by place""",
            items,
        )
        return [row["result"] for row in rows]


async def test_many_callers_share_few_statements_and_get_their_own_results(db: Database) -> None:
    statement = Statement()
    divide = Batch(db, statement)
    assert await asyncio.gather(*(divide(n) for n in range(1, 101))) == [100 // n for n in range(1, 101)]
    assert [len(batch) for batch in statement.batches] == [64, 36]


async def test_a_later_item_runs_in_a_later_statement(db: Database) -> None:
    statement = Statement()
    divide = Batch(db, statement)
    assert [await divide(50), await divide(25)] == [2, 4]
    assert statement.batches == [[50], [25]]


async def test_an_error_of_one_item_does_not_affect_the_others(db: Database) -> None:
    divide = Batch(db, Statement())
    five, failed, two = await asyncio.gather(divide(20), divide(0), divide(50), return_exceptions=True)
    assert (five, two) == (5, 2)
    assert isinstance(failed, asyncpg.DivisionByZeroError)


async def test_a_cancelled_caller_does_not_affect_the_others(db: Database) -> None:
    divide = Batch(db, Statement())
    cancelled = asyncio.create_task(divide(10))
    waiting = asyncio.create_task(divide(20))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await waiting == 5
    with pytest.raises(asyncio.CancelledError):
        await cancelled
