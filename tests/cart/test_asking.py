"""What several requests want to know of product at once, asked over real connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from aiohttp import web

from serai.cart.asking import Asking
from serai.chassis.calls import deadline
from serai.chassis.calls.client import ServiceUnreachable
from serai.chassis.errors import Unavailable
from serai.commerce.money import Money
from serai.contracts.product.client import ProductClient
from serai.contracts.product.offers import MAX_LINES, VariantFacts, Variants, VariantsRequest
from tests.chassis.calls.callees import Callee, callee, calling, hang, unavailable


class Catalogue:
    """Knows every variant, and has as many of it as it was asked before; lets questions wait."""

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


async def test_a_request_by_itself_is_asked_for_at_once(tmp_path: Path) -> None:
    catalogue, (first, second) = Catalogue(), (uuid4(), uuid4())
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))
        assert set(await asking.facts([first, second, first])) == {first, second}
        assert await asking.facts([]) == {}
    assert [sorted(one) for one in catalogue.asked] == [sorted([first, second])]


async def test_who_waits_shares_the_next_question_and_gets_what_it_asked_for(tmp_path: Path) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    wanted = [[uuid4(), uuid4()] for _ in range(40)]
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))
        answers = [asyncio.create_task(asking.facts(ids)) for ids in wanted]
        await _until(lambda: len(catalogue.asked) == 2)
        catalogue.open.set()
        for ids, answer in zip(wanted, answers, strict=True):
            assert set(await answer) == set(ids)
    assert len(catalogue.asked) == 3
    assert max(len(one) for one in catalogue.asked) <= MAX_LINES


async def test_an_answer_is_never_older_than_the_request_for_it(tmp_path: Path) -> None:
    catalogue, desk = Catalogue(), uuid4()
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))

        async def one() -> None:
            before = len(catalogue.asked)
            assert (await asking.facts([desk]))[desk].available > before

        await asyncio.gather(*(one() for _ in range(50)))
        await asyncio.gather(*(one() for _ in range(50)))


async def test_more_than_one_question_has_room_for_is_asked_in_several(tmp_path: Path) -> None:
    catalogue, ids = Catalogue(), [uuid4() for _ in range(MAX_LINES * 2 + 1)]
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))
        several = await asyncio.gather(asking.facts(ids), *(asking.facts(ids[:60]) for _ in range(5)))
        assert set(several[0]) == set(ids)
        assert all(set(one) == set(ids[:60]) for one in several[1:])
    assert max(len(one) for one in catalogue.asked) <= MAX_LINES


async def test_a_failure_reaches_everybody_who_shared_the_question_and_nobody_after(tmp_path: Path) -> None:
    async with callee(behaviour=unavailable) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))

        async def refused() -> None:
            deadline.accept(b"400")
            with pytest.raises(Unavailable):
                await asking.facts([uuid4()])

        await asyncio.gather(*(refused() for _ in range(10)))
        product.behaviour = Catalogue()
        desk = uuid4()
        assert set(await asking.facts([desk])) == {desk}


async def test_everybody_keeps_their_own_deadline(tmp_path: Path) -> None:
    catalogue, desk = Catalogue(), uuid4()
    catalogue.open.clear()
    async with callee(behaviour=catalogue) as product, calling(tmp_path, product.instance, caller="cart") as client:
        asking = Asking(ProductClient(client._calls))

        async def hurried() -> None:
            deadline.accept(b"100")
            began = time.monotonic()
            with pytest.raises(ServiceUnreachable):
                await asking.facts([desk])
            assert time.monotonic() - began < 1.0

        # The first question is a hurried one's, and so are all that would go next.
        first = asyncio.create_task(hurried())
        await _until(lambda: len(catalogue.asked) == 1)
        others = [asyncio.create_task(hurried()) for _ in range(5)]
        patient = asyncio.create_task(asking.facts([desk]))
        await asyncio.gather(first, *others)
        catalogue.open.set()
        assert set(await patient) == {desk}


async def test_one_that_stalls_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    stalled: list[Callee] = []

    async def hang_first(request: web.Request) -> web.StreamResponse:
        (product,) = stalled
        answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = hang if len(product.seen) == 1 else Catalogue()
        return await answer(request)

    async with callee(behaviour=hang_first) as product, calling(tmp_path, product.instance, caller="cart") as client:
        stalled.append(product)
        asking = Asking(ProductClient(client._calls))
        lost = asyncio.create_task(asking.facts([uuid4()]))
        await _until(lambda: len(product.seen) == 1)
        for _ in range(20):
            assert await asking.facts([uuid4()])
        lost.cancel()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.005)
