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


class VariantFacts(msgspec.Struct, frozen=True):
    """A variant as it is now. `available` is 0 for one that can no longer be bought."""

    variant_id: UUID
    product_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    image: str | None
    unit_price: Money
    available: int


class VariantsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_LINES)]


class Variants(msgspec.Struct, frozen=True):
    """Facts of the variants asked for, in any order; one that never existed is left out, an archived one is told."""

    items: list[VariantFacts]


class ChooseVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    product_id: UUID
    variant_id: UUID | None = None
