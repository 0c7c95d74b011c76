"""Holds on stock, as the checkout asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg

from serai.chassis.data.database import Connection, Database
from serai.contracts.product.inventory import HoldLine
from serai.product.inventory import store
from tests.product.shop import Shop, problem, sized, usd, variant_id


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    db = Database(url)
    await db.open()
    try:
        async with db.connection() as conn:
            yield conn
    finally:
        await db.close()


async def test_a_hold_answers_the_names_and_prices_the_order_is_made_with(shop: Shop) -> None:
    shirt = await shop.create(name="Linen shirt", **sized("S", "M"))
    desk = await shop.create(name="Walnut desk")
    answer = await shop.hold(str(uuid4()), (variant_id(shirt, 1), 2), (variant_id(desk), 1))
    assert answer.status_code == 200
    lines = {line["variant_id"]: line for line in answer.json()["lines"]}
    assert lines[variant_id(shirt, 1)] == {
        "variant_id": variant_id(shirt, 1),
        "product_id": shirt["id"],
        "sku": shirt["variants"][1]["sku"],
        "name": "Linen shirt",
        "options": {"size": "M"},
        "unit_price": usd(1600),
        "quantity": 2,
    }
    assert lines[variant_id(desk)]["unit_price"] == usd(24900)
    assert await shop.level(shirt, 1) == (2, 3)


async def test_holds_all_lines_or_none_and_tells_every_short_one(shop: Shop) -> None:
    shirt = await shop.create(name="Linen shirt", **sized("S", "M", "L", stock=3))
    unknown = str(uuid4())
    lines = [(variant_id(shirt, 0), 2), (variant_id(shirt, 1), 4), (variant_id(shirt, 2), 9), (unknown, 1)]
    answer = await shop.hold(str(uuid4()), *lines)
    assert problem(answer) == (409, "out_of_stock")
    assert sorted(answer.json()["items"], key=lambda item: item["requested"]) == [
        {"variant_id": unknown, "requested": 1, "available": 0},
        {"variant_id": variant_id(shirt, 1), "requested": 4, "available": 3},
        {"variant_id": variant_id(shirt, 2), "requested": 9, "available": 3},
    ]
    assert await shop.level(shirt, 0) == (0, 3)


async def test_the_same_hold_again_answers_the_first_answer(shop: Shop) -> None:
    desk = await shop.create(stock=2)
    order = str(uuid4())
    first = await shop.hold(order, (variant_id(desk), 2))
    await shop.put(f"/api/products/{desk['id']}", {"name": "Oak desk", "sku": "OTHER", "price": usd(1)})
    assert (await shop.hold(order, (variant_id(desk), 2))).json() == first.json()
    assert await shop.level(desk) == (2, 0)


async def test_a_hold_carries_the_offer_as_it_was_when_held(shop: Shop) -> None:
    lamp = await shop.create(name="Lamp", images=[{"url": "https://pictures.example/lamp.jpg"}])
    order = str(uuid4())
    first = await shop.hold(order, (variant_id(lamp), 1))
    (line,) = first.json()["lines"]
    assert line["image"] == "https://pictures.example/lamp.jpg"
    await shop.put(f"/api/products/{lamp['id']}", {"name": "Lamp", "sku": "OTHER", "price": usd(1)})
    assert (await shop.hold(order, (variant_id(lamp), 1))).content == first.content


async def test_a_hold_made_before_offers_were_stored_answers_the_same_bytes(shop: Shop, database_url: str) -> None:
    desk = await shop.create(stock=5)
    order, variant = str(uuid4()), variant_id(desk)
    fingerprint = sha256(f'[{{"variant_id":"{variant}","quantity":2}}]'.encode()).hexdigest()
    line = (
        f'{{"variant_id":"{variant}","product_id":"{desk["id"]}","sku":"OLD-1","name":"Old desk",'
        '"options":{"colour":"Oak"},"unit_price":{"amount":24900,"currency":"USD"},"quantity":2}'
    )
    admin = await asyncpg.connect(database_url)
    try:
        await admin.execute(
            "insert into hold (id, status, asked, lines) values ($1, 'held', $2, $3)", order, fingerprint, f"[{line}]"
        )
        await admin.execute("update variant set available = 3, held = 2 where id = $1", UUID(variant))
    finally:
        await admin.close()
    assert (await shop.hold(order, (variant, 2))).text == f'{{"lines":[{line}]}}'
    assert (await shop.end(order, "commit")).status_code == 204
    assert await shop.level(desk) == (0, 3)


async def test_another_hold_under_the_same_id_is_refused(shop: Shop) -> None:
    desk = await shop.create()
    order = str(uuid4())
    await shop.hold(order, (variant_id(desk), 2))
    assert problem(await shop.hold(order, (variant_id(desk), 3))) == (409, "request_differs")
    assert await shop.level(desk) == (2, 10)


async def test_a_variant_twice_in_one_hold_is_refused(shop: Shop) -> None:
    desk = await shop.create()
    assert problem(await shop.hold(str(uuid4()), (variant_id(desk), 2), (variant_id(desk), 1))) == (422, "invalid")


async def test_bounds_of_a_hold(shop: Shop) -> None:
    desk = await shop.create()
    for quantity in (0, -1, 1000, 1.5, "2", True, None):
        answer = await shop.hold(str(uuid4()), (variant_id(desk), quantity))  # type: ignore[arg-type]  # on purpose
        assert problem(answer) == (422, "invalid")
    assert problem(await shop.hold(str(uuid4()))) == (422, "invalid")
    assert problem(await shop.hold("not%20an%20id", (variant_id(desk), 1))) == (404, "not_found")


async def test_a_committed_hold_is_sold_once(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    order = str(uuid4())
    await shop.hold(order, (variant_id(desk), 4))
    assert (await shop.end(order, "commit")).status_code == 204
    assert (await shop.end(order, "commit")).status_code == 204
    assert await shop.level(desk) == (0, 6)
    assert problem(await shop.end(order, "release")) == (409, "hold_closed")
    assert problem(await shop.hold(order, (variant_id(desk), 4))) == (409, "hold_closed")
    assert await shop.level(desk) == (0, 6)


async def test_a_released_hold_is_available_again_and_closed(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    order = str(uuid4())
    await shop.hold(order, (variant_id(desk), 4))
    assert (await shop.end(order, "release")).status_code == 204
    assert (await shop.end(order, "release")).status_code == 204
    assert await shop.level(desk) == (0, 10)
    assert problem(await shop.hold(order, (variant_id(desk), 4))) == (409, "hold_closed")
    assert problem(await shop.end(order, "commit")) == (409, "hold_closed")
    assert problem(await shop.end(order, "return")) == (404, "not_found")


async def test_a_release_that_overtakes_its_hold_forbids_it(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    order = str(uuid4())
    assert (await shop.end(order, "release")).status_code == 204
    assert problem(await shop.hold(order, (variant_id(desk), 1))) == (409, "hold_closed")
    assert await shop.level(desk) == (0, 10)


async def test_only_a_committed_hold_comes_back_and_only_once(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    order = f"{uuid4()}:2"
    assert problem(await shop.end(order, "return")) == (404, "not_found")
    assert problem(await shop.end(order, "commit")) == (404, "not_found")
    await shop.hold(order, (variant_id(desk), 4))
    assert problem(await shop.end(order, "return")) == (404, "not_found")
    await shop.end(order, "commit")
    assert (await shop.end(order, "return")).status_code == 204
    assert (await shop.end(order, "return")).status_code == 204
    assert await shop.level(desk) == (0, 10)
    assert (await shop.end(order, "commit")).status_code == 204
    assert problem(await shop.end(order, "release")) == (409, "hold_closed")
    assert await shop.level(desk) == (0, 10)


async def test_what_left_the_catalogue_cannot_be_held_but_what_is_held_can_be_sold(shop: Shop) -> None:
    gone, hidden = await shop.create(), await shop.create(status="draft")
    shirt = await shop.create(name="Linen shirt", **sized("S", "M"))
    early = str(uuid4())
    await shop.hold(early, (variant_id(gone), 1), (variant_id(shirt, 1), 1))
    await shop.http.delete(f"/api/products/{gone['id']}", headers=shop.admin)
    kept = shirt["variants"][0]
    body = {"name": "Linen shirt", "options": [{"name": "size", "values": ["S"]}]}
    body |= {"variants": [{"id": kept["id"], "sku": kept["sku"], "options": {"size": "S"}, "price": kept["price"]}]}
    assert (await shop.put(f"/api/products/{shirt['id']}", body)).status_code == 200
    lines = [(variant_id(gone), 1), (variant_id(hidden), 1), (variant_id(shirt, 1), 1), (variant_id(shirt, 0), 1)]
    answer = await shop.hold(str(uuid4()), *lines)
    assert problem(answer) == (409, "out_of_stock")
    assert {item["variant_id"] for item in answer.json()["items"]} == {variant for variant, _ in lines[:3]}
    assert {item["available"] for item in answer.json()["items"]} == {0}
    assert (await shop.end(early, "commit")).status_code == 204


async def test_parallel_holds_never_promise_more_than_there_is(shop: Shop) -> None:
    desk, lamp = await shop.create(stock=20), await shop.create(name="Lamp", stock=30)
    # Every other one names its lines in the other order, and each is sent twice.
    both = [(variant_id(desk), 1), (variant_id(lamp), 1)]
    orders = [str(uuid4()) for _ in range(50)]
    answers = await asyncio.gather(
        *(shop.hold(order, *(both if at % 2 else both[::-1])) for at, order in enumerate(orders * 2))
    )
    assert {answer.status_code for answer in answers} == {200, 409}
    held = {order for order, answer in zip(orders * 2, answers, strict=True) if answer.status_code == 200}
    refused = [problem(answer)[1] for answer in answers if answer.status_code == 409]
    assert len(held) == 20
    assert set(refused) == {"out_of_stock"}
    assert await shop.level(desk) == (20, 0)
    assert await shop.level(lamp) == (20, 10)


async def test_units_that_come_back_while_a_hold_waits_for_them_can_be_held(
    empty_shop: Shop, database_url: str
) -> None:
    desk, lamp = await empty_shop.create(stock=1), await empty_shop.create(name="Lamp", stock=1)
    admin = await asyncpg.connect(database_url)
    try:
        async with admin.transaction():
            await admin.execute(
                "update variant set available = available + 2, restocked = restocked + 2 where id = $1",
                UUID(variant_id(desk)),
            )
            hold = asyncio.create_task(empty_shop.hold(str(uuid4()), (variant_id(desk), 3), (variant_id(lamp), 1)))
            async with asyncio.timeout(60):
                while not await admin.fetchval("select exists (select from pg_locks where not granted)"):
                    await asyncio.sleep(0.01)
        assert (await hold).status_code == 200
    finally:
        await admin.close()
    assert await empty_shop.level(desk) == (3, 0)
    assert await empty_shop.level(lamp) == (1, 0)


async def test_a_hold_sent_many_times_at_once_holds_once(shop: Shop) -> None:
    desk = await shop.create(stock=1)
    order = str(uuid4())
    answers = await asyncio.gather(*(shop.hold(order, (variant_id(desk), 1)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await shop.level(desk) == (1, 0)


async def test_a_hold_and_its_release_at_once_leave_nothing_held(shop: Shop) -> None:
    desk = await shop.create(stock=50)
    orders = [str(uuid4()) for _ in range(20)]
    answers = await asyncio.gather(
        *(shop.hold(order, (variant_id(desk), 1)) for order in orders),
        *(shop.end(order, "release") for order in orders),
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 409}
    assert {answer.status_code for answer in answers[20:]} == {204}
    assert await shop.level(desk) == (0, 50)


async def test_the_statement_that_holds_answers_what_it_held_and_nothing_the_second_time(
    shop: Shop, database_url: str
) -> None:
    desk = await shop.create(stock=10)
    lines = [HoldLine(UUID(variant_id(desk)), 4)]
    async with connection(database_url) as conn:
        held, short = await store.hold(conn, "order", "asked", lines)
        assert held is not None
        assert [(str(line.variant_id), line.quantity) for line in held] == [(variant_id(desk), 4)]
        assert short == []
        assert await store.hold(conn, "order", "asked", lines) == (None, [])


async def test_the_statement_that_ends_a_hold_says_whether_it_did(shop: Shop, database_url: str) -> None:
    desk = await shop.create(stock=10)
    await shop.hold("order", (variant_id(desk), 4))
    async with connection(database_url) as conn:
        assert await store.end_hold(conn, "order", "held", "committed", None) is True
        assert await store.end_hold(conn, "order", "held", "committed", None) is False
