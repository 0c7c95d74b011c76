"""What a checkout relies on of the cart service."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from serai.chassis.errors import Conflict, NotFound
from serai.contracts.cart import CartEmpty, CartLine, CheckoutInProgress, FreezeClosed
from tests.contracts.worlds import CartWorld


async def test_a_cart_is_told_as_it_is_now(cart: CartWorld) -> None:
    user, desk, chair = uuid4(), await cart.item(), await cart.item()
    nothing = await cart.client.current(user, None)
    assert (nothing.cart_id, nothing.version, nothing.lines) == (None, 0, [])
    await cart.put(user, desk, 2)
    await cart.put(user, chair, 1)
    now = await cart.client.current(user, None)
    assert now.lines == [CartLine(desk.variant_id, desk.product_id, 2), CartLine(chair.variant_id, chair.product_id, 1)]
    assert (now.cart_id is not None, now.version) == (True, 2)


@pytest.mark.parametrize("how", ["current", "freeze"])
async def test_a_guests_cart_is_added_to_the_customers_once(cart: CartWorld, how: str) -> None:
    user, desk, chair = uuid4(), await cart.item(), await cart.item()
    await cart.put(user, desk, 2)
    guest = await cart.put_as_guest(desk, 3)
    snapshot = (
        await cart.client.current(user, guest) if how == "current" else await cart.client.freeze(uuid4(), user, guest)
    )
    assert [(line.variant_id, line.quantity) for line in snapshot.lines] == [(desk.variant_id, 5)]
    await cart.put(user, chair, 1)
    await cart.client.current(user, guest)
    assert await cart.quantities(user) == {desk.variant_id: 5, chair.variant_id: 1}


async def test_what_is_no_guests_cookie_changes_nothing(cart: CartWorld) -> None:
    user, desk = uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    for cookie in ("", "nonsense", "n" * 43):
        assert len((await cart.client.current(user, cookie)).lines) == 1


async def test_a_frozen_cart_answers_the_same_snapshot_whatever_its_owner_does(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    first = await cart.client.freeze(order, user, None)
    await cart.put(user, desk, 3)
    await cart.put(user, await cart.item(), 1)
    assert await cart.client.freeze(order, user, None) == first
    assert [(line.variant_id, line.quantity) for line in first.lines] == [(desk.variant_id, 2)]


async def test_a_frozen_cart_answers_the_same_to_a_guests_request_again(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    guest = await cart.put_as_guest(desk, 2)
    first = await cart.client.freeze(order, user, guest)
    assert await cart.client.freeze(order, user, guest) == first


async def test_another_request_under_the_same_order_is_refused(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    await cart.client.freeze(order, user, None)
    for other, guest in ((uuid4(), None), (user, "g" * 43)):
        with pytest.raises(Conflict) as refused:
            await cart.client.freeze(order, other, guest)
        assert refused.value.code == "request_differs"


async def test_an_empty_cart_is_not_frozen_and_may_be_later(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    with pytest.raises(CartEmpty):
        await cart.client.freeze(order, user, None)
    await cart.put(user, desk, 1)
    await cart.set(user, desk, 0)
    with pytest.raises(CartEmpty):
        await cart.client.freeze(order, user, None)
    await cart.put(user, desk, 1)
    assert (await cart.client.freeze(order, user, None)).lines


async def test_a_cart_has_one_live_checkout_whose_order_the_others_are_told(cart: CartWorld) -> None:
    user, desk = uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    orders = [uuid4() for _ in range(5)]
    answers = await asyncio.gather(*(cart.client.freeze(order, user, None) for order in orders), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, CheckoutInProgress)]
    (winner,) = [order for order, answer in zip(orders, answers, strict=True) if answer not in refused]
    assert len(refused) == 4
    assert {one.facts["order_id"] for one in refused} == {str(winner)}
    await cart.client.release(winner)
    assert (await cart.client.freeze(uuid4(), user, None)).lines


async def test_a_cleared_cart_may_be_checked_out_again(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    await cart.client.freeze(order, user, None)
    await cart.client.clear(order)
    await cart.put(user, desk, 1)
    assert (await cart.client.freeze(uuid4(), user, None)).lines[0].quantity == 1


async def test_clearing_takes_what_was_bought_once_and_leaves_the_rest(cart: CartWorld) -> None:
    user, order, desk, chair, lamp = uuid4(), uuid4(), await cart.item(), await cart.item(), await cart.item()
    await cart.put(user, desk, 5)
    await cart.put(user, chair, 5)
    await cart.client.freeze(order, user, None)
    await cart.put(user, desk, 4)
    await cart.set(user, chair, 2)
    await cart.put(user, lamp, 1)
    before = (await cart.client.current(user, None)).version
    for _ in range(3):
        await cart.client.clear(order)
    assert await cart.quantities(user) == {desk.variant_id: 4, lamp.variant_id: 1}
    assert (await cart.client.current(user, None)).version == before + 1


async def test_releasing_leaves_the_cart_as_it_is(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    await cart.client.freeze(order, user, None)
    for _ in range(2):
        await cart.client.release(order)
    assert await cart.quantities(user) == {desk.variant_id: 2}


async def test_a_released_checkout_can_be_neither_frozen_nor_cleared(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    await cart.client.freeze(order, user, None)
    await cart.client.release(order)
    with pytest.raises(FreezeClosed):
        await cart.client.freeze(order, user, None)
    with pytest.raises(FreezeClosed):
        await cart.client.clear(order)
    assert await cart.quantities(user) == {desk.variant_id: 2}


async def test_releasing_what_was_never_frozen_refuses_a_late_freeze(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    for _ in range(2):
        await cart.client.release(order)
    with pytest.raises(FreezeClosed):
        await cart.client.freeze(order, user, None)
    with pytest.raises(FreezeClosed):
        await cart.client.clear(order)
    assert (await cart.client.freeze(uuid4(), user, None)).lines


async def test_a_cleared_checkout_can_be_neither_frozen_nor_released(cart: CartWorld) -> None:
    user, order, desk = uuid4(), uuid4(), await cart.item()
    await cart.put(user, desk, 2)
    await cart.client.freeze(order, user, None)
    await cart.client.clear(order)
    with pytest.raises(FreezeClosed):
        await cart.client.freeze(order, user, None)
    with pytest.raises(FreezeClosed):
        await cart.client.release(order)


async def test_what_was_never_frozen_cannot_be_cleared(cart: CartWorld) -> None:
    order = uuid4()
    with pytest.raises(NotFound):
        await cart.client.clear(order)
    # And that leaves no tombstone.
    user = uuid4()
    await cart.put(user, await cart.item(), 1)
    assert (await cart.client.freeze(order, user, None)).lines
