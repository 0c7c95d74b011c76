from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from serai.cart import store
from tests import tokens
from tests.cart.conftest import Carts
from tests.cart.visitor import bought, somebody
from tests.product.shop import problem, variant_id


async def test_a_checkout_takes_a_snapshot_and_the_cart_stays_editable(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    desk, chair = await carts.product(), await carts.product()
    await ada.add(desk, 2)
    first = await checkout.freeze(order)
    assert (first.status_code, bought(first.json())) == (200, {variant_id(desk): 2})
    assert first.json()["version"] == 1
    await ada.add(chair, 3)
    assert (await checkout.freeze(order)).json() == first.json()
    assert (await checkout.end(order, "clear")).status_code == 204
    assert await ada.quantities() == {variant_id(chair): 3}


async def test_clearing_takes_the_bought_units_once_and_never_below_none(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    desk, chair = await carts.product(stock=50), await carts.product(stock=50)
    await ada.add(desk, 5)
    item = (await ada.add(chair, 5)).json()["items"][1]["id"]
    await checkout.freeze(order)
    await ada.add(desk, 4)
    await ada.set(item, 2)
    answers = await asyncio.gather(*(checkout.end(order, "clear") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert await ada.quantities() == {variant_id(desk): 4}


async def test_refuses_an_empty_cart(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    assert problem(await checkout.freeze(order)) == (409, "cart_empty")
    desk = await carts.product()
    await ada.add(desk)
    assert (await checkout.freeze(order)).status_code == 200


async def test_one_live_checkout_per_cart(carts: Carts) -> None:
    ada = carts.customer()
    checkout = carts.checkout(ada.user_id)
    await ada.add(await carts.product())
    orders = [uuid4() for _ in range(10)]
    answers = await asyncio.gather(*(checkout.freeze(order) for order in orders))
    (winner,) = [order for order, answer in zip(orders, answers, strict=True) if answer.status_code == 200]
    for answer in answers:
        if answer.status_code != 200:
            assert problem(answer) == (409, "checkout_in_progress")
            assert answer.json()["order_id"] == str(winner)
    await checkout.end(winner, "release")
    assert (await checkout.freeze(uuid4())).status_code == 200


async def test_a_released_checkout_leaves_the_cart_and_stays_closed(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    desk = await carts.product()
    await ada.add(desk, 2)
    await checkout.freeze(order)
    for _ in range(2):
        assert (await checkout.end(order, "release")).status_code == 204
    assert await ada.quantities() == {variant_id(desk): 2}
    assert problem(await checkout.freeze(order)) == (409, "freeze_closed")
    assert problem(await checkout.end(order, "clear")) == (409, "freeze_closed")


async def test_a_freeze_that_comes_after_its_release_is_refused(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    await ada.add(await carts.product())
    assert (await checkout.end(order, "release")).status_code == 204
    assert problem(await checkout.freeze(order)) == (409, "freeze_closed")


async def test_a_cleared_checkout_cannot_be_released_or_frozen_again(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    await ada.add(await carts.product())
    await checkout.freeze(order)
    await checkout.end(order, "clear")
    assert problem(await checkout.end(order, "release")) == (409, "freeze_closed")
    assert problem(await checkout.freeze(order)) == (409, "freeze_closed")


async def test_nothing_is_cleared_that_was_never_frozen(carts: Carts) -> None:
    assert problem(await carts.checkout(somebody()).end(uuid4(), "clear")) == (404, "not_found")


async def test_another_request_under_the_same_order_is_refused(carts: Carts) -> None:
    ada, grace = carts.customer(), carts.customer()
    desk, order = await carts.product(), uuid4()
    await ada.add(desk)
    await grace.add(desk)
    await carts.checkout(ada.user_id).freeze(order)
    assert problem(await carts.checkout(grace.user_id).freeze(order)) == (409, "request_differs")
    assert problem(await carts.checkout(ada.user_id).freeze(order, "g" * 43)) == (409, "request_differs")


async def test_clears_and_releases_at_once_agree_on_one_end(carts: Carts) -> None:
    desk = await carts.product(stock=900)
    for _ in range(5):
        ada = carts.customer()
        checkout, order = carts.checkout(ada.user_id), uuid4()
        await ada.add(desk, 2)
        await checkout.freeze(order)
        others = [carts.checkout(ada.user_id).freeze(uuid4()) for _ in range(3)]
        cleared, released, *_ = await asyncio.gather(
            checkout.end(order, "clear"), checkout.end(order, "release"), *others
        )
        assert sorted((cleared.status_code, released.status_code)) == [204, 409]
        assert (await ada.quantities() == {}) == (cleared.status_code == 204)


async def test_a_checkout_that_waited_for_a_change_takes_what_is_there_then(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    desk = await carts.product(stock=50)
    await ada.add(desk, 2)
    other = await asyncpg.connect(carts.database_url)
    async with other.transaction():
        await _set_quantities(other, 7)
        freezing = asyncio.create_task(checkout.freeze(order))
        await _somebody_waits(other)
    frozen = (await freezing).json()
    assert (frozen["version"], bought(frozen)) == (2, {variant_id(desk): 7})
    async with other.transaction():
        await _set_quantities(other, 10)
        clearing = asyncio.create_task(checkout.end(order, "clear"))
        await _somebody_waits(other)
    assert (await clearing).status_code == 204
    assert await ada.quantities() == {variant_id(desk): 3}
    await other.close()


@pytest.mark.parametrize("how", ["committed", "undone"])
async def test_what_another_checkout_has_just_bought_is_not_ordered_again(carts: Carts, how: str) -> None:
    ada = carts.customer()
    checkout, first, second = carts.checkout(ada.user_id), uuid4(), uuid4()
    await ada.add(await carts.product(), 2)
    await checkout.freeze(first)
    other = await asyncpg.connect(carts.database_url)
    clearing = other.transaction()
    await clearing.start()
    assert await store.clear(other, first)
    freezing = asyncio.create_task(checkout.freeze(second))
    await _somebody_waits(other)
    if how == "committed":
        await clearing.commit()
        assert problem(await freezing) == (409, "cart_empty")
    else:
        await clearing.rollback()
        assert problem(await freezing) == (409, "checkout_in_progress")
    await other.close()


async def test_an_add_that_waited_for_a_purchase_is_in_the_cart(carts: Carts) -> None:
    ada = carts.customer()
    checkout, order = carts.checkout(ada.user_id), uuid4()
    desk = await carts.product(stock=50)
    await ada.add(desk, 2)
    await checkout.freeze(order)
    other = await asyncpg.connect(carts.database_url)
    async with other.transaction():
        assert await store.clear(other, order)
        adding = asyncio.create_task(ada.add(desk, 3))
        await _somebody_waits(other)
    assert [item["quantity"] for item in (await adding).json()["items"]] == [3]
    assert await ada.quantities() == {variant_id(desk): 3}
    await other.close()


async def _set_quantities(conn: asyncpg.Connection[asyncpg.Record], quantity: int) -> None:
    """Change the cart as the service does, with a new version."""
    await conn.execute(
        """update cart set version = version + 1, lines = (
             select jsonb_agg(line || jsonb_build_object('quantity', $1::int))
             from jsonb_array_elements(lines) as line)""",
        quantity,
    )


async def _somebody_waits(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    """Waits until a statement of the service is blocked by a lock."""
    async with asyncio.timeout(5):
        while not await conn.fetchval(
            "select count(*) from pg_locks l join pg_stat_activity a using (pid) "
            "where not l.granted and a.datname = current_database()"
        ):
            await asyncio.sleep(0.005)


async def test_internal_routes_are_for_services_only(carts: Carts) -> None:
    ada = carts.customer()
    for method, path in (
        ("POST", "/internal/carts/current"),
        ("PUT", f"/internal/freezes/{uuid4()}"),
        ("POST", f"/internal/freezes/{uuid4()}/clear"),
        ("POST", f"/internal/freezes/{uuid4()}/release"),
    ):
        assert problem(await ada.ask(method, path, {}))[0] == 403
        assert problem(await carts.guest().ask(method, path, {}))[0] == 403


async def test_an_internal_request_with_a_field_of_a_newer_version_works(carts: Carts) -> None:
    ada = carts.customer()
    await ada.add(await carts.product())
    headers = tokens.as_service("order", "cart", ada.user_id)
    for method, path in (("POST", "/internal/carts/current"), ("PUT", f"/internal/freezes/{uuid4()}")):
        answer = await carts.http.request(method, path, json={"guest": None, "locale": "en"}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["lines"]) == 1


async def test_lines_with_fields_of_a_newer_version_are_read(carts: Carts) -> None:
    ada = carts.customer()
    await ada.add(await carts.product(), 2)
    conn = await asyncpg.connect(carts.database_url)
    await conn.execute(
        """update cart set lines = (
             select jsonb_agg(line || '{"gift_note": "new"}') from jsonb_array_elements(lines) as line)"""
    )
    await conn.close()
    assert list((await ada.quantities()).values()) == [2]
    order_id = uuid4()
    for _ in range(2):
        snapshot = (await carts.checkout(ada.user_id).freeze(order_id)).json()
        assert list(bought(snapshot).values()) == [2]
