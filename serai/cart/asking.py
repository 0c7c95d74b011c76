"""Asks product for several requests at once.

While a question is on its way, whoever else wants to know something waits for the next one, and all who wait share it.
Nothing is kept: every answer was asked for after the request that gets it, so it is as fresh as one asked alone, and a
request that comes by itself is asked for at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass
from uuid import UUID

from serai.chassis.calls import deadline
from serai.chassis.calls.client import ServiceUnreachable
from serai.contracts.product.client import ProductClient
from serai.contracts.product.offers import MAX_LINES, VariantFacts

Facts = dict[UUID, VariantFacts]

#: Questions on their way at once: the fewer, the more requests share one; a second, lest one that stalls holds up all.
_AT_ONCE = 2
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class _Request:
    variant_ids: frozenset[UUID]
    answer: asyncio.Future[Facts]
    #: Ids and trace of the request.
    context: Context


class Asking:
    def __init__(self, product: ProductClient) -> None:
        self._product = product
        #: Each is a request being answered, so they are no more than those.
        self._waiting: deque[_Request] = deque()
        self._on_their_way: set[asyncio.Task[None]] = set()

    async def facts(self, variant_ids: Iterable[UUID]) -> Facts:
        """What product says of these variants now; nothing of those it has never had. Raises `ServiceUnreachable`."""
        wanted = list(dict.fromkeys(variant_ids))
        found: Facts = {}
        for start in range(0, len(wanted), MAX_LINES):
            found |= await self._share(frozenset(wanted[start : start + MAX_LINES]))
        return found

    async def _share(self, variant_ids: frozenset[UUID]) -> Facts:
        request = _Request(variant_ids, asyncio.get_running_loop().create_future(), copy_context())
        self._waiting.append(request)
        self._go_on()
        try:
            async with asyncio.timeout(deadline.within(_PATIENCE_S) - time.monotonic()):
                return await request.answer
        except TimeoutError:
            raise ServiceUnreachable(maybe_done=False) from None

    def _go_on(self) -> None:
        if len(self._on_their_way) < _AT_ONCE and (asking := self._together()):
            task = asyncio.create_task(self._ask(asking), context=asking[0].context)
            self._on_their_way.add(task)
            task.add_done_callback(self._came_back)

    def _came_back(self, task: asyncio.Task[None]) -> None:
        self._on_their_way.discard(task)
        self._go_on()

    async def _ask(self, asking: list[_Request]) -> None:
        # Traced as part of the first one's request; but that one's deadline is not the others', who keep theirs.
        deadline.accept(None)
        try:
            items = await self._product.variants(list(frozenset().union(*(one.variant_ids for one in asking))))
        except Exception as error:
            for one in asking:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        told = {item.variant_id: item for item in items}
        for one in asking:
            if not one.answer.done():
                one.answer.set_result({id: told[id] for id in one.variant_ids if id in told})

    def _together(self) -> list[_Request]:
        """Those who have waited longest, as many as one question has room for, without those who have given up."""
        taken: list[_Request] = []
        variant_ids: set[UUID] = set()
        while self._waiting:
            if not self._waiting[0].answer.done():
                if len(variant_ids | self._waiting[0].variant_ids) > MAX_LINES:
                    break
                variant_ids |= self._waiting[0].variant_ids
                taken.append(self._waiting[0])
            self._waiting.popleft()
        return taken
