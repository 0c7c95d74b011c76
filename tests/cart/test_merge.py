from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg

from serai.cart import domain, store
from tests.cart.conftest import Carts
from tests.cart.visitor import bought, somebody
from tests.product.shop import variant_id


async def test_a_guests_cart_becomes_the_customers_on_signing_in(carts: Carts) -> None:
    guest = carts.guest()
    desk, chair = await carts.product(stock=100), await carts.product(stock=100)
    await guest.add(desk, 2)
    await guest.add(chair, 1)
    token = guest.cookie
    user = somebody()
    await carts.customer(user).add(desk, 3)
    customer = guest.signing_in(user)
    answer = await customer.ask("GET", "/api/cart")
    assert {item["variant_id"]: item["quantity"] for item in answer.json()["items"]} == {
        variant_id(desk): 5,
        variant_id(chair): 1,
    }
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert customer.cookie is None
    assert (await carts.guest(token).cart())["id"] is None
    assert await carts.customer(user).quantities() == {variant_id(desk): 5, variant_id(chair): 1}


async def test_merges_with_whatever_request_carries_both(carts: Carts) -> None:
    desk = await carts.product(stock=100)
    guest, user = carts.guest(), somebody()
    await guest.add(desk, 2)
    assert (await guest.signing_in(user).add(desk, 1)).json()["items"][0]["quantity"] == 3
    guest, user = carts.guest(), somebody()
    await guest.add(desk, 2)
    assert bought(await carts.checkout(user).current(guest.cookie)) == {variant_id(desk): 2}
    guest, user = carts.guest(), somebody()
    await guest.add(desk, 4)
    frozen = await carts.checkout(user).freeze(uuid4(), guest.cookie)
    assert bought(frozen.json()) == {variant_id(desk): 4}


async def test_merging_stops_at_the_stock_and_at_999(carts: Carts) -> None:
    desk, screw = await carts.product(stock=5), await carts.product(stock=5000)
    guest, user = carts.guest(), somebody()
    for visitor in (guest, carts.customer(user)):
        await visitor.add(desk, 4)
        await visitor.add(screw, 700)
    assert await guest.signing_in(user).quantities() == {variant_id(desk): 5, variant_id(screw): 999}


async def test_merges_once_however_many_requests_carry_both(carts: Carts) -> None:
    desk = await carts.product(stock=100)
    guest, user = carts.guest(), somebody()
    await guest.add(desk, 2)
    await asyncio.gather(*(guest.signing_in(user).cart() for _ in range(10)))
    assert await carts.customer(user).quantities() == {variant_id(desk): 2}


async def test_deletes_the_guest_cookie_of_a_customer(carts: Carts) -> None:
    customer = carts.guest("d" * 43).signing_in(somebody())
    answer = await customer.ask("GET", "/api/cart")
    assert answer.json()["id"] is None
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_a_guests_cart_that_is_not_changed_is_deleted(carts: Carts) -> None:
    desk = await carts.product()
    old, young, faithful, customer = carts.guest(), carts.guest(), carts.guest(), carts.customer()
    for visitor in (old, young, faithful, customer):
        await visitor.add(desk)
    connection = await asyncpg.connect(carts.database_url)
    await connection.execute(
        """update cart set created_at = now() - interval '31 days',
                  updated_at = case when guest_hash = $2 then updated_at else now() - interval '31 days' end
           where guest_hash in ($1, $2) or user_id is not null""",
        domain.guest_hash(old.cookie),
        domain.guest_hash(faithful.cookie),
    )
    await store.prune(connection)
    await connection.close()
    assert (await old.cart())["id"] is None
    assert [len(await visitor.quantities()) for visitor in (young, faithful, customer)] == [1, 1, 1]
