"""What readers may keep, and what a replica remembers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from serai.chassis.data.database import Database
from serai.contracts.product.inventory import HoldLine
from serai.product.inventory import store as stock
from serai.product.search.cache import ProductCache
from tests.product.conftest import replica
from tests.product.shop import Shop, problem, sku, usd, variant_id
from tests.product.users import Users


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    return empty_shop


async def test_answers_not_modified_until_something_shown_changes(shop: Shop) -> None:
    desk = await shop.create(category="furniture", stock=2)
    for path in (f"/api/products/{desk['id']}", "/api/products/walnut-desk", "/api/products?q=desk", "/api/categories"):
        whole = await shop.get(path)
        assert whole.headers["etag"].startswith('W/"')
        assert whole.headers["cache-control"] == "public, no-cache"
        assert whole.headers["content-type"] == "application/json"
        for known in (whole.headers["etag"], whole.headers["etag"][2:], '"other", ' + whole.headers["etag"], "*"):
            same = await shop.get(path, headers={"if-none-match": known})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["etag"] == whole.headers["etag"]
            assert same.headers["cache-control"] == whole.headers["cache-control"]
        other = await shop.get(path, headers={"if-none-match": '"other"'})
        assert (other.status_code, other.content) == (200, whole.content)

    path = f"/api/products/{desk['id']}"
    tag = (await shop.get(path)).headers["etag"]
    await shop.stock(desk, 1)
    moved = await shop.get(path, headers={"if-none-match": tag})
    assert moved.status_code == 200
    await shop.put(path, {"name": "Oak desk", "sku": sku(), "price": usd(1)})
    edited = await shop.get(path, headers={"if-none-match": moved.headers["etag"]})
    assert (edited.status_code, edited.json()["name"]) == (200, "Oak desk")


async def test_who_reads_gzip_gets_the_same_in_fewer_bytes(shop: Shop) -> None:
    desk = await shop.create(category="furniture", description="A desk of oiled walnut with two drawers. " * 20)
    for path in (f"/api/products/{desk['id']}", "/api/products/walnut-desk", "/api/products?q=desk"):
        plain = await shop.get(path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        for takes in ("gzip", "br, gzip, zstd", "gzip;q=0.5", "*"):
            # Asked twice: what is kept, and what has just been read.
            for _ in range(2):
                small = await shop.get(path, headers={"accept-encoding": takes})
                assert small.headers["content-encoding"] == "gzip"
                assert int(small.headers["content-length"]) < len(plain.content)
                assert (small.content, small.headers["etag"]) == (plain.content, plain.headers["etag"])
                assert small.headers["vary"] == plain.headers["vary"] == "authorization, accept-encoding"
        for refuses in ("gzip;q=0", "br", "gzip;q=0.2, identity"):
            whole = await shop.get(path, headers={"accept-encoding": refuses})
            assert "content-encoding" not in whole.headers
            assert whole.content == plain.content
        known = {"accept-encoding": "gzip", "if-none-match": plain.headers["etag"]}
        same = await shop.get(path, headers=known)
        assert (same.status_code, same.content) == (304, b"")
        assert "content-encoding" not in same.headers


async def test_nobody_keeps_what_was_answered_to_a_token(shop: Shop) -> None:
    desk = await shop.create()
    customer = shop.users.sign_in("customer")
    for headers in (customer, shop.admin):
        for path in ("/api/products", f"/api/products/{desk['id']}", "/api/categories"):
            answer = await shop.get(path, headers=headers)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["vary"] == "authorization, accept-encoding"
            known = headers | {"if-none-match": answer.headers["etag"]}
            assert (await shop.get(path, headers=known)).status_code == 304


async def test_who_changed_the_catalogue_reads_the_change(shop: Shop) -> None:
    for at in range(10):
        before = await shop.names(limit=100)
        product = await shop.create(name=f"Box {at}")
        assert len(await shop.names(limit=100)) == len(before) + 1
        await shop.put(f"/api/products/{product['id']}", {"name": f"Crate {at}", "sku": sku(), "price": usd(at)})
        assert (await shop.names(limit=1)) == [f"Crate {at}"]


async def test_stock_is_shown_within_a_second(shop: Shop, users: Users, database_url: str, tmp_path: Path) -> None:
    async with replica(users, database_url, tmp_path / "second") as second:
        desk = await shop.create(stock=1)
        paths = (f"/api/products/{desk['id']}", "/api/products/walnut-desk")
        for _ in range(3):
            assert await in_stock(second, *paths) == {True}
            order = str(uuid4())
            await shop.hold(order, (variant_id(desk), 1))
            await until_available(second, False, *paths)
            await shop.end(order, "release")
            await until_available(second, True, *paths)


async def test_a_change_that_commits_late_is_not_missed(shop: Shop, database_url: str) -> None:
    desk, lamp = await shop.create(stock=1), await shop.create(name="Lamp", stock=1)
    path, other = f"/api/products/{desk['id']}", f"/api/products/{lamp['id']}"
    slow = Database(database_url, size=1)
    await slow.open()
    try:
        async with slow.transaction() as tx:
            await stock.hold(tx, str(uuid4()), "asked", [HoldLine(UUID(variant_id(desk)), 1)])
            # Others begin later and are seen before.
            await shop.hold(str(uuid4()), (variant_id(lamp), 1))
            await until_available(shop, False, other)
            assert await in_stock(shop, path) == {True}
        await until_available(shop, False, path)
    finally:
        await slow.close()


@pytest.mark.slow
async def test_shows_nothing_old_while_it_does_not_hear_of_changes(shop: Shop, database_url: str) -> None:
    desk = await shop.create(stock=100)
    path = f"/api/products/{desk['id']}"
    admin = await asyncpg.connect(database_url)
    try:
        for held in range(1, 10):
            await shop.get(path)
            await admin.execute(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and application_name = 'serai-product-listen'
                """
            )
            await shop.hold(str(uuid4()), (variant_id(desk), 1))
            await until_shown(partial(has_left, shop, path, 100 - held))
    finally:
        await admin.close()


async def test_a_change_reaches_every_replica_at_once(
    shop: Shop, users: Users, database_url: str, tmp_path: Path
) -> None:
    async with replica(users, database_url, tmp_path / "second") as second:
        desk = await shop.create()
        path = f"/api/products/{desk['id']}"
        await until_shown(partial(is_called, second, path, desk["name"]))
        for name in ("Oak desk", "Ash desk"):
            await shop.put(path, {"name": name, "sku": sku(), "price": usd(1)})
            await until_shown(partial(is_called, second, path, name), AT_ONCE_S)


async def test_after_a_start_products_are_read_before_anybody_asks(
    shop: Shop, users: Users, database_url: str, tmp_path: Path
) -> None:
    products = [await shop.create(name=f"Box {at}") for at in range(30)]
    other = await asyncpg.connect(database_url)
    try:
        async with replica(users, database_url, tmp_path / "second") as second:
            # Each is asked for once, and as long as the tables are locked nobody can read it.
            for product in products:
                await asyncio.sleep(0.1)
                async with other.transaction():
                    await other.execute("lock table product, variant")
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.3):
                            assert (await second.get(f"/api/products/{product['id']}")).json() == product
                            break
            else:
                raise AssertionError("none was read ahead")
    finally:
        await other.close()


async def test_a_product_that_left_the_catalogue_is_not_shown(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    paths = (path, path.upper().replace("/API/PRODUCTS/", "/api/products/"), "/api/products/walnut-desk")
    for one in paths:
        assert (await shop.get(one)).json()["id"] == desk["id"]
    await shop.http.delete(path, headers=shop.admin)
    for one in (*paths, f"/api/products/{uuid4()}", "/api/products/nothing-of-ours"):
        assert problem(await shop.get(one)) == (404, "not_found")


async def test_many_products_asked_for_at_once_are_each_answered(shop: Shop) -> None:
    products = [await shop.create(name=f"Box {at}", price=usd(at)) for at in range(30)]
    ids = [one["id"] for one in products] * 3 + [str(uuid4())]
    answers = await asyncio.gather(*(shop.get(f"/api/products/{product_id}") for product_id in ids))
    assert [answer.json() for answer in answers[:30]] == products
    assert [answer.json().get("id") for answer in answers] == [*ids[:-1], None]
    assert answers[-1].status_code == 404


async def test_many_who_ask_at_once_get_one_answer(shop: Shop) -> None:
    await shop.create()
    answers = await asyncio.gather(*(shop.get("/api/products", sort="price") for _ in range(50)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}


#: What is kept may be that old, and what is told from one replica to another comes before.
KEPT_S, AT_ONCE_S = 1.0, 0.9


async def test_what_is_dropped_while_it_is_read_is_not_kept_nor_given_to_whoever_asks_later(
    shop: Shop, database_url: str
) -> None:
    desk = await shop.create(stock=1)
    product_id = UUID(desk["id"])
    db = Database(database_url, size=1)
    await db.open()
    try:
        cache = ProductCache(db)
        async with db.connection():
            first = asyncio.create_task(cache.product(product_id))
            await asyncio.sleep(0)
            cache.drop(product_id)
        assert (await first).body
        assert cache._products.get(str(product_id)) is None
        async with db.connection():
            early = asyncio.create_task(cache.product(product_id))
            await asyncio.sleep(0)
            cache.drop(product_id)
            late = asyncio.create_task(cache.product(product_id))
            await asyncio.sleep(0)
        await early
        assert cache._products.get(str(product_id)) is await late
    finally:
        await db.close()


async def test_a_reader_who_leaves_does_not_take_the_answer_from_others(shop: Shop, database_url: str) -> None:
    desk = await shop.create(stock=1)
    db = Database(database_url, size=1)
    await db.open()
    try:
        cache = ProductCache(db)
        async with db.connection():
            leaving, staying = (asyncio.create_task(cache.product(UUID(desk["id"]))) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
        assert await staying is await cache.product(UUID(desk["id"]))
    finally:
        await db.close()


async def until_shown(shows: Callable[[], Awaitable[bool]], within_s: float = KEPT_S) -> None:
    """Whoever asks later than that after a change is shown it, however long the answer takes on a busy machine."""
    changed_at = time.monotonic()
    while True:
        asked_at = time.monotonic()
        if await shows():
            return
        assert asked_at - changed_at < within_s, "something old was shown for too long"
        await asyncio.sleep(0.01)


async def is_called(shop: Shop, path: str, name: str) -> bool:
    """The product's page and the list say so."""
    answer = await shop.get(path)
    return answer.status_code == 200 and answer.json()["name"] == name and await shop.names() == [name]


async def has_left(shop: Shop, path: str, available: int) -> bool:
    shown: int = (await shop.get(path)).json()["variants"][0]["stock"]["available"]
    return shown == available


async def in_stock(shop: Shop, *paths: str) -> set[bool]:
    """What the products say, and the lists that show them."""
    products = [(await shop.get(path)).json() for path in paths]
    ids = {product["id"] for product in products}
    listed = [item for item in await shop.items() if item["id"] in ids]
    narrowed = {item["id"] for item in await shop.items(in_stock="true")}
    return {product["in_stock"] for product in [*products, *listed]} | {one in narrowed for one in ids}


async def until_available(shop: Shop, available: bool, *paths: str) -> None:
    async def shows() -> bool:
        return await in_stock(shop, *paths) == {available}

    await until_shown(shows)
