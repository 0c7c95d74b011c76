"""Runs one statement for the items of many callers, who share its commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from serai.chassis import batch
from serai.chassis.batch import Item, Result
from serai.chassis.data.database import Connection, Database


class Batch(batch.Batch[Item, Result]):
    """Calls `statement`, which must not need a transaction, with the items of several callers. A call raises what the
    statement raises for its item, and `DatabaseUnavailable`."""

    def __init__(
        self, database: Database, statement: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]]
    ) -> None:
        async def run(items: Sequence[Item]) -> Sequence[Result]:
            async with database.connection() as conn:
                return await statement(conn, items)

        super().__init__(run, retry_singly=True)
