"""Stock as admins keep it, and its ledger."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from serai.chassis.data.database import Database
from serai.product.inventory import store
from tests.product.shop import Shop, problem, sized, variant_id, wrong_fields


async def test_stock_moves_by_what_came_or_went(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    answer = await shop.stock(desk, 5)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"variant_id": variant_id(desk), "on_hand": 15, "held": 0, "available": 15}
    await shop.hold(str(uuid4()), (variant_id(desk), 4))
    assert (await shop.stock(desk, -3)).json() == {
        "variant_id": variant_id(desk),
        "on_hand": 12,
        "held": 4,
        "available": 8,
    }
    assert (await shop.get(f"/api/products/{desk['id']}")).json()["variants"][0]["stock"] == {"available": 8}


async def test_what_is_held_cannot_be_taken(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    await shop.hold(str(uuid4()), (variant_id(desk), 4))
    answer = await shop.stock(desk, -7)
    assert problem(answer) == (409, "stock_too_low")
    assert (answer.json()["available"], answer.json()["held"]) == (6, 4)
    assert (await shop.stock(desk, -6)).json()["on_hand"] == 4
    assert problem(await shop.stock(desk, -1)) == (409, "stock_too_low")


async def test_refuses_movements_that_mean_nothing(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    path = f"/api/products/{desk['id']}/stock"
    good = {"variant_id": variant_id(desk), "delta": 1, "reason": "count"}
    for field, values in {
        "delta": (0, 1.0, "1", True, None, 10**7, -(10**7), 10**30),
        "reason": ("", "  ", "x" * 201, None, "a\x00"),
        "variant_id": ("x", None, 3),
    }.items():
        for value in values:
            answer = await shop.post(path, good | {field: value})
            assert problem(answer) == (422, "invalid"), (field, value)
            assert wrong_fields(answer) == {field}, (field, value)
    assert wrong_fields(await shop.stock(desk, 1_000_000)) == {"delta"}
    assert problem(await shop.post(path, good | {"variant_id": str(uuid4())})) == (404, "not_found")
    other = await shop.create(name="Lamp")
    assert problem(await shop.post(path, good | {"variant_id": variant_id(other)})) == (404, "not_found")
    assert await shop.level(desk) == (0, 10)


async def test_the_same_key_moves_stock_once_and_answers_it_as_it_is_now(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    key = "delivery 7"
    await shop.stock(desk, 5, key=key)
    await shop.hold(str(uuid4()), (variant_id(desk), 1))
    again = await shop.stock(desk, 5, key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["available"] == 14
    assert problem(await shop.stock(desk, 6, key=key)) == (422, "idempotency_key_reused")
    refused = "too many"
    assert problem(await shop.stock(desk, -99, key=refused)) == (409, "stock_too_low")
    assert (await shop.stock(desk, -9, key=refused)).status_code == 200


async def test_the_ledger_tells_every_change_of_what_is_on_hand(shop: Shop) -> None:
    shirt = await shop.create(name="Shirt", **sized("S", "M", stock=5))
    small = variant_id(shirt, 0)
    sold, dropped = str(uuid4()), str(uuid4())
    await shop.stock(shirt, -1)
    await shop.hold(sold, (small, 2))
    await shop.end(sold, "commit")
    await shop.hold(dropped, (small, 2))
    await shop.end(dropped, "release")
    await shop.end(sold, "return")
    path = f"/api/products/{shirt['id']}/stock"
    ledger = (await shop.get(path, headers=shop.admin)).json()
    told = [
        (line["delta"], line["reason"], line["order_id"]) for line in ledger["items"] if line["variant_id"] == small
    ]
    assert told == [(2, "returned", sold), (-2, "sold", sold), (-1, "count", None), (5, "initial", None)]
    assert set(ledger["items"][0]) == {"variant_id", "delta", "reason", "order_id", "by", "at"}
    ages = [datetime.now(UTC) - datetime.fromisoformat(line["at"]) for line in ledger["items"]]
    assert all(timedelta(minutes=-1) < age < timedelta(minutes=5) for age in ages)
    by = [line["by"] for line in ledger["items"] if line["reason"] in ("count", "initial")]
    assert len(set(by)) == 1
    assert by[0] is not None
    pages, cursor = [], None
    while True:
        query = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await shop.http.get(path, params=query, headers=shop.admin)).json()
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == ledger["items"]
    assert wrong_fields(await shop.get(path, headers=shop.admin, cursor="x")) == {"cursor"}


async def test_movements_at_once_all_count(shop: Shop) -> None:
    desk = await shop.create(stock=10)
    answers = await asyncio.gather(*(shop.stock(desk, -1) for _ in range(25)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 15
    assert await shop.level(desk) == (0, 0)


async def test_no_more_of_the_ledger_is_read_than_a_page(shop: Shop, database_url: str) -> None:
    desk = await shop.create(stock=10)
    for _ in range(3):
        await shop.stock(desk, 1)
    db = Database(database_url)
    await db.open()
    async with db.connection() as conn:
        page = await store.ledger(conn, UUID(desk["id"]), 2, 2**62)
    await db.close()
    assert page is not None
    assert len(page) == 2
