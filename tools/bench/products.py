"""Generates a catalogue of any size deterministically: product number 17 is the same in every catalogue."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from serai.commerce.money import MoneyIn
from serai.contracts.product.catalogue import CreateVariant, Option
from serai.contracts.product.media import Image
from serai.product.catalogue.domain import keywords, slugs_of
from tools.bench.vocabulary import CATEGORIES, COLLECTIONS, COLOURS, ENDINGS, MIDDLES, OPENINGS, QUALITIES

CURRENCY = "USD"
#: More than any benchmark run buys.
STOCK = 1_000_000
_SOLD_OUT_SHARE = 0.03
_FIRST_AT = datetime(2025, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(seconds=30)
_CATEGORIES = tuple(CATEGORIES)


class Product(msgspec.Struct, frozen=True):
    """One product, and its variants as (id, the request that creates it)."""

    id: UUID
    slug: str
    name: str
    description: str
    category: str
    attributes: dict[str, str]
    images: list[Image]
    options: list[Option]
    variants: list[tuple[UUID, CreateVariant]]
    created_at: datetime

    def row(self) -> dict[str, Any]:
        """The columns of the product table that the service writes."""
        variants = [variant for _, variant in self.variants]
        return {
            "id": self.id,
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "status": "active",
            "category": self.category,
            "attributes": _json(self.attributes),
            "images": _json(self.images),
            "options": _json(self.options),
            "currency": CURRENCY,
            "price_minor": min(variant.price.amount for variant in variants),
            "keywords": keywords(self.category, self.attributes, self.options, variants),
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }

    def variant_rows(self) -> Iterator[dict[str, Any]]:
        for position, (variant_id, variant) in enumerate(self.variants):
            yield {
                "id": variant_id,
                "product_id": self.id,
                "position": position,
                "sku": variant.sku,
                "options": _json(variant.options),
                "price_minor": variant.price.amount,
                "initial": variant.stock,
                "available": variant.stock,
            }


def generate_products(count: int, first: int = 0) -> Iterator[Product]:
    for number in range(first, first + count):
        yield generate_product(number)


def generate_product(number: int) -> Product:
    rng = random.Random(number)
    category = rng.choice(_CATEGORIES)
    materials, sizes, things = CATEGORIES[category]
    thing, usual_price = rng.choice(list(things.items()))
    material, collection, quality = rng.choice(materials), rng.choice(COLLECTIONS), rng.choice(QUALITIES)
    name = rng.choice(
        (
            f"{collection} {material} {thing}",
            f"{quality.capitalize()} {material} {thing}",
            f"{collection} {quality} {thing}",
            f"{collection} {quality} {material} {thing}",
        )
    )
    created_at = _FIRST_AT + number * _BETWEEN
    product_id = _id(created_at, rng)
    options = _options(rng, sizes)
    # Prices end as in real shops.
    price = max(90, round(usual_price * rng.uniform(0.6, 1.7) / 1000) * 1000 + rng.choice((0, 90, 490, 900)))
    stock = 0 if rng.random() < _SOLD_OUT_SHARE else STOCK
    choices: list[dict[str, str]] = [{}]
    for option in options:
        choices = [chosen | {option.name: value} for chosen in choices for value in option.values]
    sku = f"{category[:3].upper()}-{number:07}"
    about = {"material": material, "Material": material.capitalize(), "collection": collection}
    return Product(
        id=product_id,
        slug=f"{slugs_of(name, product_id)[0]}-{number}",
        name=name,
        description=" ".join(rng.choice(part) for part in (OPENINGS, MIDDLES, ENDINGS)).format_map(about),
        category=category,
        attributes={"material": material.capitalize(), "collection": collection, "origin": rng.choice(_ORIGINS)},
        images=[Image(product_id, f"/media/products/{product_id}/1.jpg", name)],
        options=options,
        variants=[
            (
                _id(created_at, rng),
                CreateVariant(
                    sku if len(choices) == 1 else f"{sku}-{at:02}", MoneyIn(price + 500 * at, CURRENCY), stock, chosen
                ),
            )
            for at, chosen in enumerate(choices)
        ],
        created_at=created_at,
    )


_ORIGINS = ("Portugal", "Uzbekistan", "Sweden", "Japan", "Scotland", "Italy")


def _options(rng: random.Random, sizes: tuple[str, ...]) -> list[Option]:
    """60 % of the products have a single variant."""
    draw = rng.random()
    if draw < 0.6:
        return []
    if draw < 0.85:
        return [Option("size", list(sizes))]
    return [Option("colour", rng.sample(COLOURS, rng.randint(2, 5)))]


def _id(at: datetime, rng: random.Random) -> UUID:
    """A UUIDv7 of that time, so that ids sort products by age."""
    milliseconds = int(at.timestamp() * 1000)
    bits = milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62)
    return UUID(int=bits)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
