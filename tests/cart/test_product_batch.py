"""Queries of several requests in one call, over real connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from aiohttp import web

from serai.cart.product_batch import ProductBatch
from serai.chassis.calls import deadline
from serai.chassis.calls.client import ServiceUnreachable
from serai.chassis.errors import Unavailable
from serai.commerce.money import Money
from serai.contracts.product.client import ProductClient
from serai.contracts.product.offers import MAX_LINES, VariantFacts, Variants, VariantsRequest
from tests.chassis.calls.callees import Callee, callee, calling, hang, unavailable


class Catalogue:
    """Knows every variant; its stock is the number of queries so far. `open` holds responses back."""

    def __init__(self) -> None:
        self.asked: list[list[UUID]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        wanted = msgspec.json.decode(await request.read(), type=VariantsRequest).variant_ids
        self.asked.append(wanted)
        known = len(self.asked)
        await self.open.wait()
        items = [VariantFacts(id, id, "", "Desk", {}, Money(1, "USD"), available=known) for id in wanted]
        return web.Response(body=msgspec.json.encode(Variants(items)))


async def test_a_single_request_is_queried_at_once(tmp_path: Path) -> None:
    catalogue, (first, second) = Catalogue(), (uuid4(), uuid4())
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))
        assert set(await batch.facts([first, second, first])) == {first, second}
        assert await batch.facts([]) == {}
    assert [sorted(one) for one in catalogue.asked] == [sorted([first, second])]


async def test_requests_that_wait_share_the_next_query_and_get_their_own_results(tmp_path: Path) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    wanted = [[uuid4(), uuid4()] for _ in range(40)]
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))
        # Two calls are running, each with one request, when the others come.
        answers = [asyncio.create_task(batch.facts(wanted[0]))]
        await _until(lambda: len(catalogue.asked) == 1)
        answers.append(asyncio.create_task(batch.facts(wanted[1])))
        await _until(lambda: len(catalogue.asked) == 2)
        answers += [asyncio.create_task(batch.facts(ids)) for ids in wanted[2:]]
        await asyncio.sleep(0)
        catalogue.open.set()
        for ids, answer in zip(wanted, answers, strict=True):
            assert set(await answer) == set(ids)
    assert len(catalogue.asked) == 3
    assert max(len(one) for one in catalogue.asked) <= MAX_LINES


async def test_a_result_is_never_older_than_its_request(tmp_path: Path) -> None:
    catalogue, desk = Catalogue(), uuid4()
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))

        async def one() -> None:
            before = len(catalogue.asked)
            assert (await batch.facts([desk]))[desk].available > before

        await asyncio.gather(*(one() for _ in range(50)))
        await asyncio.gather(*(one() for _ in range(50)))


async def test_more_variants_than_fit_into_a_query_take_several(tmp_path: Path) -> None:
    catalogue, ids = Catalogue(), [uuid4() for _ in range(MAX_LINES * 2 + 1)]
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))
        several = await asyncio.gather(batch.facts(ids), *(batch.facts(ids[:60]) for _ in range(5)))
        assert set(several[0]) == set(ids)
        assert all(set(one) == set(ids[:60]) for one in several[1:])
    assert max(len(one) for one in catalogue.asked) <= MAX_LINES


async def test_a_failure_reaches_all_requests_of_the_query_and_no_later_one(tmp_path: Path) -> None:
    async with callee(behaviour=unavailable) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))

        async def refused() -> None:
            deadline.accept(b"400")
            with pytest.raises(Unavailable):
                await batch.facts([uuid4()])

        await asyncio.gather(*(refused() for _ in range(10)))
        product.behaviour = Catalogue()
        desk = uuid4()
        assert set(await batch.facts([desk])) == {desk}


async def test_each_request_keeps_its_own_deadline(tmp_path: Path) -> None:
    catalogue, desk = Catalogue(), uuid4()
    catalogue.open.clear()
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        batch = ProductBatch(ProductClient(client._calls))

        async def hurried() -> None:
            deadline.accept(b"100")
            began = time.monotonic()
            with pytest.raises(ServiceUnreachable):
                await batch.facts([desk])
            assert time.monotonic() - began < 1.0

        # The first query belongs to an impatient request, and so do the next ones in the queue.
        first = asyncio.create_task(hurried())
        await _until(lambda: len(catalogue.asked) == 1)
        others = [asyncio.create_task(hurried()) for _ in range(5)]
        patient = asyncio.create_task(batch.facts([desk]))
        await asyncio.gather(first, *others)
        catalogue.open.set()
        assert set(await patient) == {desk}


async def test_a_query_that_hangs_does_not_block_the_others(tmp_path: Path) -> None:
    stalled: list[Callee] = []

    async def hang_first(request: web.Request) -> web.StreamResponse:
        (product,) = stalled
        answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = hang if len(product.seen) == 1 else Catalogue()
        return await answer(request)

    async with callee(behaviour=hang_first) as product, calling(tmp_path, product.instance, caller="cart") as client:
        stalled.append(product)
        batch = ProductBatch(ProductClient(client._calls))
        lost = asyncio.create_task(batch.facts([uuid4()]))
        await _until(lambda: len(product.seen) == 1)
        for _ in range(20):
            assert await batch.facts([uuid4()])
        lost.cancel()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.005)
