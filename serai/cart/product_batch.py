"""Queries product for the variants of several requests in one call.

Nothing is cached: every result was queried after the request that gets it, so it is as fresh as the result of a query
of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

from serai.chassis.batch import Batch
from serai.chassis.calls import deadline
from serai.chassis.calls.client import ServiceUnreachable
from serai.contracts.product.client import ProductClient
from serai.contracts.product.offers import MAX_LINES, VariantFacts

#: What product knows about variants, by their id.
Facts = dict[UUID, VariantFacts]

#: Few, so that many requests share a call; more than one, so that a call that hangs does not block all others.
_CONCURRENCY = 2
_TIMEOUT_S = 3.0


class ProductBatch:
    def __init__(self, product: ProductClient) -> None:
        self._product = product
        self._batch = Batch(
            self._query, fitting=_fitting_into_one_call, concurrency=_CONCURRENCY, in_callers_context=True
        )

    async def facts(self, variant_ids: Iterable[UUID]) -> Facts:
        """The current facts of these variants, without those that product does not know. Raises
        `ServiceUnreachable`."""
        distinct = list(dict.fromkeys(variant_ids))
        found: Facts = {}
        for start in range(0, len(distinct), MAX_LINES):
            try:
                async with asyncio.timeout(deadline.within(_TIMEOUT_S) - time.monotonic()):
                    found |= await self._batch(frozenset(distinct[start : start + MAX_LINES]))
            except TimeoutError:
                raise ServiceUnreachable(maybe_done=False) from None
        return found

    async def _query(self, requests: Sequence[frozenset[UUID]]) -> list[Facts]:
        # Each caller enforces its own deadline; that of the first one must not end the call for the others.
        deadline.accept(None)
        items = await self._product.variants(list(frozenset().union(*requests)))
        by_id = {item.variant_id: item for item in items}
        return [{id: by_id[id] for id in variant_ids if id in by_id} for variant_ids in requests]


def _fitting_into_one_call(requests: Iterable[frozenset[UUID]]) -> int:
    variant_ids: set[UUID] = set()
    count = 0
    for request in requests:
        variant_ids |= request
        if len(variant_ids) > MAX_LINES:
            break
        count += 1
    return count
