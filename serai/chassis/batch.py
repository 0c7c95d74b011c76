"""Runs one operation for the items of many callers.

A commit or a call costs nearly the same for one item as for thirty. A batch therefore collects the items that arrive
while the operation runs, and runs it for all of them together next. The first item never waits for more, so under low
load an item is processed as quickly as without a batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serai.chassis.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Items of one call, unless `fitting` says otherwise.
MAX_ITEMS = 64


@dataclass(slots=True)  # Not frozen: creating a frozen instance takes three times as long.
class _Waiter(Generic[Item, Result]):
    item: Item
    result: asyncio.Future[Result]
    #: The context of its caller, where calls run in that.
    context: Context | None


class Batch(Generic[Item, Result]):
    """Calls `operation` with the items of several callers; it returns their results in the same order.

    The queue is as long as the number of requests in progress, which the edge limits.
    """

    def __init__(
        self,
        operation: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        fitting: Callable[[Iterable[Item]], int] | None = None,
        concurrency: int = 1,
        retry_singly: bool = False,
        in_callers_context: bool = False,
        gather_s: float = 0.0,
        enough: int = 1,
    ) -> None:
        """`fitting` returns how many of the first items fit into one call, at least one; by default `MAX_ITEMS` do.
        `concurrency` is the maximum number of calls at the same time. `retry_singly` runs each item of a failed call on
        its own, because one item may have failed them all; not after `Unavailable`. `in_callers_context` runs a call in
        the context of the first of its callers, so that it belongs to their trace; the default is an empty context.
        After a call the next one waits `gather_s` seconds for more items unless `enough` have come, for an operation
        that is much cheaper for several items; only with a `concurrency` of 1.
        """
        self._operation = operation
        self._fitting = fitting
        self._concurrency = concurrency
        self._retry_singly = retry_singly
        self._in_callers_context = in_callers_context
        self._gather_s = gather_s
        self._enough = enough
        self._waiting: deque[_Waiter[Item, Result]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        #: The task that has not taken its items yet.
        self._starting: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Raises what the operation raises."""
        return await self.submit(item)

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """The result to come, for a caller that several others wait for. Cancelling it withdraws the item."""
        context = copy_context() if self._in_callers_context else None
        waiter: _Waiter[Item, Result] = _Waiter(item, asyncio.get_running_loop().create_future(), context)
        self._waiting.append(waiter)
        self._start()
        return waiter.result

    def _start(self) -> None:
        """Start a task for the waiting items, unless one is starting or `concurrency` is reached."""
        while self._waiting and self._waiting[0].result.done():
            self._waiting.popleft()
        if not self._waiting or self._starting is not None or len(self._tasks) >= self._concurrency:
            return
        # A task of its own, because the caller that starts it may be cancelled before the others.
        context = self._waiting[0].context
        task = asyncio.create_task(self._run(), context=Context() if context is None else context)
        self._starting = task
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._starting is task:
            self._starting = None
        self._start()

    async def _run(self) -> None:
        self._starting = None
        while waiters := self._take():
            self._start()
            await self._answer(waiters)
            if self._in_callers_context:
                # The next items belong to another context.
                return
            if self._gather_s and len(self._waiting) < self._enough:
                await asyncio.sleep(self._gather_s)

    def _take(self) -> list[_Waiter[Item, Result]]:
        """Removes the items of the next call from the queue, and those whose callers have been cancelled."""
        if any(waiter.result.done() for waiter in self._waiting):
            self._waiting = deque(waiter for waiter in self._waiting if not waiter.result.done())
        if not self._waiting:
            return []
        if self._fitting is None:
            count = min(len(self._waiting), MAX_ITEMS)
        else:
            count = self._fitting(waiter.item for waiter in self._waiting)
        return [self._waiting.popleft() for _ in range(count)]

    async def _answer(self, waiters: Sequence[_Waiter[Item, Result]]) -> None:
        try:
            results = await self._operation([waiter.item for waiter in waiters])
        except Exception as error:
            if self._retry_singly and len(waiters) > 1 and not isinstance(error, Unavailable):
                for waiter in waiters:
                    await self._answer([waiter])
                return
            for waiter in waiters:
                if not waiter.result.done():
                    waiter.result.set_exception(error)
            return
        for waiter, result in zip(waiters, results, strict=True):
            if not waiter.result.done():
                waiter.result.set_result(result)
