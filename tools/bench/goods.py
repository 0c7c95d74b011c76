"""A catalogue of any size, the same every time: product number 17 is one thing for ever, whatever the size."""

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
#: No run of a benchmark buys as much of anything.
PLENTY = 1_000_000
_SOLD_OUT_SHARE = 0.03
_FIRST_AT = datetime(2025, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(seconds=30)
_CATEGORIES = tuple(CATEGORIES)


class Good(msgspec.Struct, frozen=True):
    """One product, and its variants as (id, what an admin would have posted)."""

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
        """The columns of the product's own table, as far as the service writes them itself."""
        drafts = [draft for _, draft in self.variants]
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
            "price_minor": min(draft.price.amount for draft in drafts),
            "keywords": keywords(self.category, self.attributes, self.options, drafts),
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }

    def variant_rows(self) -> Iterator[dict[str, Any]]:
        for position, (variant_id, draft) in enumerate(self.variants):
            yield {
                "id": variant_id,
                "product_id": self.id,
                "position": position,
                "sku": draft.sku,
                "options": _json(draft.options),
                "price_minor": draft.price.amount,
                "initial": draft.stock,
                "available": draft.stock,
            }


def goods(count: int, first: int = 0) -> Iterator[Good]:
    for number in range(first, first + count):
        yield good(number)


def good(number: int) -> Good:
    chance = random.Random(number)
    category = chance.choice(_CATEGORIES)
    materials, sizes, things = CATEGORIES[category]
    thing, usual_price = chance.choice(list(things.items()))
    material, collection, quality = chance.choice(materials), chance.choice(COLLECTIONS), chance.choice(QUALITIES)
    name = chance.choice(
        (
            f"{collection} {material} {thing}",
            f"{quality.capitalize()} {material} {thing}",
            f"{collection} {quality} {thing}",
            f"{collection} {quality} {material} {thing}",
        )
    )
    created_at = _FIRST_AT + number * _BETWEEN
    product_id = _id(created_at, chance)
    options = _options(chance, sizes)
    # Whole, or just below or at a half, as shops write prices.
    price = max(90, round(usual_price * chance.uniform(0.6, 1.7) / 1000) * 1000 + chance.choice((0, 90, 490, 900)))
    stock = 0 if chance.random() < _SOLD_OUT_SHARE else PLENTY
    choices: list[dict[str, str]] = [{}]
    for option in options:
        choices = [chosen | {option.name: value} for chosen in choices for value in option.values]
    sku = f"{category[:3].upper()}-{number:07}"
    about = {"material": material, "Material": material.capitalize(), "collection": collection}
    return Good(
        id=product_id,
        slug=f"{slugs_of(name, product_id)[0]}-{number}",
        name=name,
        description=" ".join(chance.choice(part) for part in (OPENINGS, MIDDLES, ENDINGS)).format_map(about),
        category=category,
        attributes={"material": material.capitalize(), "collection": collection, "origin": chance.choice(_ORIGINS)},
        images=[Image(product_id, f"/media/products/{product_id}/1.jpg", name)],
        options=options,
        variants=[
            (
                _id(created_at, chance),
                CreateVariant(
                    sku if len(choices) == 1 else f"{sku}-{at:02}", MoneyIn(price + 500 * at, CURRENCY), stock, chosen
                ),
            )
            for at, chosen in enumerate(choices)
        ],
        created_at=created_at,
    )


_ORIGINS = ("Portugal", "Uzbekistan", "Sweden", "Japan", "Scotland", "Italy")


def _options(chance: random.Random, sizes: tuple[str, ...]) -> list[Option]:
    """Six products of ten are sold in one shape only."""
    draw = chance.random()
    if draw < 0.6:
        return []
    if draw < 0.85:
        return [Option("size", list(sizes))]
    return [Option("colour", chance.sample(COLOURS, chance.randint(2, 5)))]


def _id(at: datetime, chance: random.Random) -> UUID:
    """A UUIDv7 of that moment; sorted by id, products are sorted by age."""
    milliseconds = int(at.timestamp() * 1000)
    bits = milliseconds << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
    return UUID(int=bits)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
