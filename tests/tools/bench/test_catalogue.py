"""The generated catalogue is deterministic, valid for the API, and stored as the service would store it."""

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
from tools.bench.products import CURRENCY, generate_product, generate_products
from tools.bench.searches import misspelt, searches

COUNT = 300
_ABOVE_ALL = UUID(int=2**128 - 1)


def test_a_product_is_the_same_whatever_the_size_of_the_catalogue() -> None:
    assert list(generate_products(3, first=40)) == [generate_product(40), generate_product(41), generate_product(42)]


def test_products_are_valid_requests() -> None:
    for one in generate_products(COUNT):
        variants = [variant for _, variant in one.variants]
        posted = {
            "name": one.name,
            "description": one.description,
            "category": one.category,
            "attributes": one.attributes,
            "images": one.images,
            "options": one.options,
            "variants": variants,
        }
        msgspec.convert(msgspec.to_builtins(posted), CreateProduct)
        require_sellable(one.options, variants, CURRENCY, listed=True)
        assert is_slug(one.slug)


def test_ids_slugs_and_skus_are_unique_and_ids_grow() -> None:
    listed = list(generate_products(2000))
    ids = [one.id for one in listed]
    assert ids == sorted(set(ids))
    assert {one.id.version for one in listed} == {7}
    assert len({one.slug for one in listed}) == len(listed)
    skus = [variant.sku for one in listed for _, variant in one.variants]
    assert len(set(skus)) == len(skus)


def test_the_catalogue_has_variety() -> None:
    listed = list(generate_products(2000))
    sold_out = sum(all(variant.stock == 0 for _, variant in one.variants) for one in listed) / len(listed)
    several = sum(len(one.variants) > 1 for one in listed) / len(listed)
    assert 0.01 < sold_out < 0.06
    assert 0.3 < several < 0.5


def test_searches_are_the_same_for_the_same_seed_and_some_are_misspelt() -> None:
    typed = searches(1000)
    assert typed == searches(1000)
    assert typed != searches(1000, seed=2)
    assert 100 < len(set(typed)) <= 1000


def test_a_typo_leaves_short_words_alone_and_changes_one_long_one() -> None:
    rng = random.Random(1)
    assert misspelt("egg cup", rng) == "egg cup"
    slips = {misspelt("walnut desk", rng) for _ in range(50)} - {"walnut desk"}
    assert len(slips) > 10
    assert all(len(slip.split()) == 2 for slip in slips)


async def test_a_filled_shop_lists_searches_and_sells(database: Callable[[str], str]) -> None:
    url = database("product")
    # The second fill replaces the first.
    for count in (20, COUNT):
        await asyncio.to_thread(fill, url, count)
    db = Database(url, size=1, name="test")
    await db.open()
    try:
        async with db.connection() as conn:
            newest = await search.newest(conn, search.Filters(), 2, _ABOVE_ALL)
            assert [listed.item.id for listed in newest] == [
                generate_product(COUNT - 1).id,
                generate_product(COUNT - 2).id,
            ]
            wanted = generate_product(7)
            (shown,) = await store.products(conn, [wanted.id])
            assert (shown.name, shown.images) == (wanted.name, wanted.images)
            assert [(v.sku, v.price, v.stock.available) for v in shown.variants] == [
                (variant.sku, variant.price.money, variant.stock) for _, variant in wanted.variants
            ]
            found = await search.by_relevance(conn, search.Filters(words=wanted.name), 20, (1e9, _ABOVE_ALL))
            assert wanted.id in [listed.item.id for listed in found]
    finally:
        await db.close()
