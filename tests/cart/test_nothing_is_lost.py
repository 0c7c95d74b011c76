"""An acknowledged change of a cart is never lost: concurrent requests, two instances, and checkouts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cart.conftest import Carts, replica
from tests.cart.visitor import Checkout, Visitor, bought, somebody
from tests.product.shop import Shop, variant_id


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_acknowledged_is_in_the_cart_or_was_bought(
    carts: Carts, shop: tuple[Shop, int], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    products = [await carts.product(stock=900) for _ in range(3)]
    user = somebody()
    acknowledged: Counter[str] = Counter()
    purchased: Counter[str] = Counter()
    async with replica(shop[1], carts.database_url, tmp_path / "second") as other:
        replicas = [carts.http, other]

        async def add() -> None:
            product, quantity = chance.choice(products), chance.randint(1, 3)
            headers = {"idempotency-key": str(uuid4())} if chance.random() < 0.3 else {}
            answer = await Visitor(chance.choice(replicas), user).add(product, quantity, headers=headers)
            assert answer.status_code == 200, answer.text
            acknowledged[variant_id(product)] += quantity

        async def add_as_guest_and_sign_in() -> None:
            product, quantity = chance.choice(products), chance.randint(1, 3)
            guest = Visitor(chance.choice(replicas))
            assert (await guest.add(product, quantity)).status_code == 200
            acknowledged[variant_id(product)] += quantity
            await guest.signing_in(user).cart()

        async def buy() -> None:
            checkout, order = Checkout(chance.choice(replicas), user), uuid4()
            frozen = await checkout.freeze(order)
            if frozen.status_code == 409:
                return
            how = chance.choice(["clear", "clear", "release"])
            ends = await asyncio.gather(checkout.end(order, how), checkout.end(order, how))
            assert {answer.status_code for answer in ends} == {204}
            if how == "clear":
                purchased.update(bought(frozen.json()))

        kinds: list[Callable[[], Awaitable[None]]] = [add, add, add, add, add_as_guest_and_sign_in, buy]
        # On a slow machine more than these at a time would meet their deadlines.
        at_a_time = asyncio.Semaphore(12)

        async def in_turn(action: Callable[[], Awaitable[None]]) -> None:
            async with at_a_time:
                await action()

        await asyncio.gather(*(in_turn(chance.choice(kinds)) for _ in range(60)))
        left = Counter(await Visitor(other, user).quantities())
    assert left + purchased == acknowledged
