"""Adds the demo products to a shop without products, with the product service's own statements."""

from __future__ import annotations

import itertools
from typing import Annotated

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.ids import new_id
from serai.chassis.settings import Env, load
from serai.commerce.currency import CURRENCIES, Currency
from serai.commerce.money import MoneyIn
from serai.contracts.product.catalogue import CreateVariant, Option
from serai.contracts.product.media import Image
from serai.demo.pictures import pictures
from serai.demo.products import PRODUCTS, SOLD_OUT, DemoProduct
from serai.product import changes
from serai.product.catalogue import store
from serai.product.catalogue.domain import keywords, slugs_of
from serai.product.media import store as picture_store
from serai.product.media.pictures import Picture

_LOCK_TIMEOUT_S = 60


class _Shop(msgspec.Struct):
    currency: Annotated[Currency, Env("SERAI_CURRENCY")] = CURRENCIES["USD"]


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
            products = [
                (category, number, product)
                for number, row in enumerate(itertools.zip_longest(*PRODUCTS.values()), 1)
                for category, product in zip(PRODUCTS, row, strict=True)
                if product is not None
            ]
            picture_of = pictures()
            for category, number, product in products:
                await _add(tx, category, number, product, picture_of[product.name], currency)
            await changes.note_change(tx, None)
            return len(products)
    finally:
        await db.close()


async def _is_empty(tx: Connection) -> bool:
    """Whether there is no product. The lock prevents others from adding one until the transaction ends."""
    # Longer than a statement usually may take: another process may be adding all products.
    await tx.execute(f"set local statement_timeout = '{_LOCK_TIMEOUT_S}s'")
    await tx.execute("lock table product in share row exclusive mode", timeout=_LOCK_TIMEOUT_S)
    empty: bool = await tx.fetchval("select not exists (select from product)")
    return empty


async def _add(
    tx: Connection, category: str, number: int, product: DemoProduct, picture: Picture, currency: Currency
) -> None:
    product_id = new_id()
    await picture_store.note(tx, picture, in_use=True)
    image = Image(new_id(), picture.url, product.name, picture.width, picture.height, picture.sources)
    options = [Option(name, values) for name, values in product.options.items()]
    variants = _variants(f"{category[:3].upper()}-{number:02}", product, currency)
    values = {
        "id": product_id,
        "name": product.name,
        "description": product.description,
        "status": "active",
        "category": category,
        "attributes": product.attributes,
        "images": [image],
        "options": options,
        "currency": currency.code,
        "price_minor": min(variant.price.amount for variant in variants),
        "keywords": keywords(category, product.attributes, options, variants),
    }
    for slug in slugs_of(product.name, product_id):
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


def _variants(sku: str, product: DemoProduct, currency: Currency) -> list[CreateVariant]:
    """One variant for each combination of the options, with a stock between 2 and 61."""
    first = next(iter(product.options.values()), [""])
    combinations = list(itertools.product(*product.options.values()))
    return [
        CreateVariant(
            sku if len(combinations) == 1 else f"{sku}-{at:02}",
            _price(product.price + product.step * (first.index(chosen[0]) if chosen else 0), currency),
            0 if product.name in SOLD_OUT else 2 + (len(product.name) * 7 + at * 11) % 60,
            dict(zip(product.options, chosen, strict=True)),
        )
        for at, chosen in enumerate(combinations, 1)
    ]


def _price(cents: int, currency: Currency) -> MoneyIn:
    """The same digits in any currency: 2,495 is $24.95, ¥2,495, and KWD 2.490, because the last digit must be 0."""
    return MoneyIn(max(cents - cents % currency.step, currency.step), currency.code)
