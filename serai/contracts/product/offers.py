"""Offers: what a variant is sold as, read by carts and orders."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from serai.chassis.errors import Invalid
from serai.commerce.money import Money

MAX_LINES = 100


class VariantRequired(Invalid):
    code, detail = "variant_required", "This product has several variants; say which."


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a variant is sold as: `name` is its product's, `image` the address of a small picture.

    What is optional is left out where there is none, so that offers stored before a field existed read the same."""

    variant_id: UUID
    product_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    unit_price: Money
    image: str | None = None
    #: The price it had before it was reduced.
    compare_at: Money | None = None
    tax_class: str | None = None
    weight_g: int | None = None


class VariantFacts(Offer, frozen=True, kw_only=True, omit_defaults=False):
    """An offer as it is now, with how many units can be bought: 0 where the variant is no longer for sale."""

    available: int


class VariantsRequest(msgspec.Struct, frozen=True):
    variant_ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_LINES)]


class Variants(msgspec.Struct, frozen=True):
    """Facts of the variants asked for, in any order; one that never existed is left out, an archived one is told."""

    items: list[VariantFacts]


class ChooseVariant(msgspec.Struct, frozen=True):
    product_id: UUID
    variant_id: UUID | None = None
