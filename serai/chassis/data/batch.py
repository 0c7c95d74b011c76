"""Runs one statement for several concurrent requests.

A commit costs the same whether it writes one row or thirty. A statement that is independent of others and takes any
number of items therefore runs for all requests that wait: those that arrive while one execution runs share the next.
No request waits for others to arrive, so latency is not higher under low load.
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

#: Items in one execution of the statement.
_MAX_ITEMS = 64


class Batch(Generic[Item, Result]):
    """Runs `statement` with the items of several callers. It must return the results in the order of the items. The
    queue is bounded by the number of requests in flight, which admission control limits."""

    def __init__(
        self, database: Database, statement: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]]
    ) -> None:
        self._database = database
        self._statement = statement
        self._queue: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Raises what the statement raises for this item, and `DatabaseUnavailable`."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._task is None:
            # The context is empty because the task belongs to no trace. It outlives the caller that starts it.
            self._task = asyncio.create_task(self._run(), context=Context())
        return await future

    async def _run(self) -> None:
        try:
            while self._queue:
                batch = self._queue[:_MAX_ITEMS]
                del self._queue[:_MAX_ITEMS]
                await self._execute(batch)
        finally:
            self._task = None

    async def _execute(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            async with self._database.connection() as conn:
                results = await self._statement(conn, [item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Unavailable):
                # The statement had no effect, and one item alone may be the cause: run each by itself.
                for entry in batch:
                    await self._execute([entry])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
