"""Adds the demo products to a shop without products, with the product service's own statements."""

from __future__ import annotations

import itertools
from typing import Annotated

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.ids import new_id
from serai.chassis.settings import Env, load
from serai.commerce.money import Money
from serai.contracts.product.catalogue import CreateVariant, Option
from serai.contracts.product.media import Image
from serai.demo.goods import GOODS, SOLD_OUT, Good
from serai.demo.pictures import pictures
from serai.product import changes
from serai.product.catalogue import store
from serai.product.catalogue.domain import keywords, slugs_of
from serai.product.media import store as picture_store
from serai.product.media.pictures import Picture


class _Shop(msgspec.Struct):
    currency: Annotated[str, Env("SERAI_CURRENCY")] = "USD"


async def add_products(database_url: str) -> int:
    """Returns how many were added: none if the shop has any product."""
    currency = load(_Shop).currency
    db = Database(database_url, size=1, name="serai-seed")
    await db.open()
    try:
        async with db.transaction() as tx:
            if not await _is_empty(tx):
                return 0
            # One product of each category in turn, so that the newest products are of different categories.
            goods = [
                (category, number, good)
                for number, row in enumerate(itertools.zip_longest(*GOODS.values()), 1)
                for category, good in zip(GOODS, row, strict=True)
                if good is not None
            ]
            picture_of = pictures()
            for category, number, good in goods:
                await _add(tx, category, number, good, picture_of[good.name], currency)
            await changes.note_change(tx, None)
            return len(goods)
    finally:
        await db.close()


async def _is_empty(tx: Connection) -> bool:
    """Whether there is no product. The lock prevents others from adding one until the transaction ends."""
    await tx.execute("lock table product in share row exclusive mode")
    empty: bool = await tx.fetchval("select not exists (select from product)")
    return empty


async def _add(tx: Connection, category: str, number: int, good: Good, picture: Picture, currency: str) -> None:
    product_id = new_id()
    await picture_store.note(tx, picture, in_use=True)
    image = Image(new_id(), picture.url, good.name, picture.width, picture.height, picture.sources)
    options = [Option(name, values) for name, values in good.options.items()]
    variants = _variants(f"{category[:3].upper()}-{number:02}", good, currency)
    values = {
        "id": product_id,
        "name": good.name,
        "description": good.description,
        "status": "active",
        "category": category,
        "attributes": good.attributes,
        "images": [image],
        "options": options,
        "currency": currency,
        "price_minor": good.price,
        "keywords": keywords(category, good.attributes, options, variants),
    }
    for slug in slugs_of(good.name, product_id):
        if await store.insert_product(tx, values | {"slug": slug}):
            break
    rows = [
        {
            "id": new_id(),
            "position": at,
            "sku": variant.sku,
            "options": variant.options,
            "price_minor": variant.price.amount,
            "initial": variant.stock,
        }
        for at, variant in enumerate(variants)
    ]
    await store.insert_variants(tx, product_id, rows, None)
    await store.learn_words(tx, product_id)


def _variants(sku: str, good: Good, currency: str) -> list[CreateVariant]:
    """One variant for each combination of the options, with a stock between 2 and 61."""
    first = next(iter(good.options.values()), [""])
    combinations = list(itertools.product(*good.options.values()))
    return [
        CreateVariant(
            sku if len(combinations) == 1 else f"{sku}-{at:02}",
            Money(good.price + good.step * (first.index(chosen[0]) if chosen else 0), currency),
            0 if good.name in SOLD_OUT else 2 + (len(good.name) * 7 + at * 11) % 60,
            dict(zip(good.options, chosen, strict=True)),
        )
        for at, chosen in enumerate(combinations, 1)
    ]
