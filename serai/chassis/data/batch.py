"""One statement for many requests.

A commit costs the same whether it holds one row or thirty. A statement that stands by itself and takes any number of
items is therefore run for everyone who waits: whoever comes while it is on its way shares the next one. Nobody waits
for company, so a quiet shop answers as quickly as without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from serai.chassis.data.database import Connection, Database
from serai.chassis.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Items of one statement.
_MOST = 64


class Batch(Generic[Item, Result]):
    """Calls a statement with items of several callers; its results are in the order of the items. The items waiting
    are as many as the requests being answered, which the edge bounds."""

    def __init__(
        self, database: Database, statement: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]]
    ) -> None:
        self._database = database
        self._statement = statement
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Raises what the statement raises for this item, and `DatabaseUnavailable`."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            # A task of its own, and of nobody's trace: the caller that happened to start it may leave before the rest.
            self._running = asyncio.create_task(self._run(), context=Context())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:_MOST]
                del self._waiting[:_MOST]
                await self._answer(batch)
        finally:
            self._running = None

    async def _answer(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            async with self._database.connection() as conn:
                results = await self._statement(conn, [item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Unavailable):
                # Nothing of it was done, and it may be one item's fault only.
                for one in batch:
                    await self._answer([one])
                return
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), result in zip(batch, results, strict=True):
            if not answer.done():
                answer.set_result(result)
