"""The generated catalogue: the same every time, fit for the API, and stored as the service would store it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from uuid import UUID

import msgspec

from serai.chassis.data.database import Database
from serai.contracts.product.catalogue import CreateProduct
from serai.product.catalogue import store
from serai.product.catalogue.domain import require_sellable
from serai.product.search import store as search
from serai.product.search.domain import is_slug
from tools.bench.fill import fill
from tools.bench.goods import CURRENCY, good, goods
from tools.bench.searches import misspelt, searches

COUNT = 300
_ABOVE_ALL = UUID(int=2**128 - 1)


def test_a_product_is_the_same_whatever_the_size_of_the_catalogue() -> None:
    assert list(goods(3, first=40)) == [good(40), good(41), good(42)]


def test_products_are_what_an_admin_could_have_posted() -> None:
    for one in goods(COUNT):
        drafts = [draft for _, draft in one.variants]
        posted = {
            "name": one.name,
            "description": one.description,
            "category": one.category,
            "attributes": one.attributes,
            "images": one.images,
            "options": one.options,
            "variants": drafts,
        }
        msgspec.convert(msgspec.to_builtins(posted), CreateProduct)
        require_sellable(one.options, drafts, CURRENCY, listed=True)
        assert is_slug(one.slug)


def test_ids_slugs_and_skus_are_unique_and_ids_grow() -> None:
    listed = list(goods(2000))
    ids = [one.id for one in listed]
    assert ids == sorted(set(ids))
    assert {one.id.version for one in listed} == {7}
    assert len({one.slug for one in listed}) == len(listed)
    skus = [draft.sku for one in listed for _, draft in one.variants]
    assert len(set(skus)) == len(skus)


def test_the_catalogue_has_what_shops_have() -> None:
    listed = list(goods(2000))
    sold_out = sum(all(draft.stock == 0 for _, draft in one.variants) for one in listed) / len(listed)
    several = sum(len(one.variants) > 1 for one in listed) / len(listed)
    assert 0.01 < sold_out < 0.06
    assert 0.3 < several < 0.5


def test_searches_are_the_same_for_the_same_seed_and_some_are_misspelt() -> None:
    typed = searches(1000)
    assert typed == searches(1000)
    assert typed != searches(1000, seed=2)
    assert 100 < len(set(typed)) <= 1000


def test_a_typo_leaves_short_words_alone_and_changes_one_long_one() -> None:
    chance = random.Random(1)
    assert misspelt("egg cup", chance) == "egg cup"
    slips = {misspelt("walnut desk", chance) for _ in range(50)} - {"walnut desk"}
    assert len(slips) > 10
    assert all(len(slip.split()) == 2 for slip in slips)


async def test_a_filled_shop_lists_searches_and_sells(database: Callable[[str], str]) -> None:
    url = database("product")
    # The second time replaces what the first put in.
    for count in (20, COUNT):
        await asyncio.to_thread(fill, url, count)
    db = Database(url, size=1, name="test")
    await db.open()
    try:
        async with db.connection() as conn:
            newest = await search.newest(conn, search.Filters(), 2, _ABOVE_ALL)
            assert [listed.item.id for listed in newest] == [good(COUNT - 1).id, good(COUNT - 2).id]
            wanted = good(7)
            (shown,) = await store.products(conn, [wanted.id])
            assert (shown.name, shown.images) == (wanted.name, wanted.images)
            assert [(v.sku, v.price, v.stock.available) for v in shown.variants] == [
                (draft.sku, draft.price, draft.stock) for _, draft in wanted.variants
            ]
            found = await search.by_relevance(conn, search.Filters(words=wanted.name), 20, (1e9, _ABOVE_ALL))
            assert wanted.id in [listed.item.id for listed in found]
    finally:
        await db.close()
