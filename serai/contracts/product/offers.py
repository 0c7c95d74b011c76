"""Offers: the name, price and picture under which a variant is sold. Carts and orders read them."""

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
    """The name, price and picture under which a variant is sold. `name` is the product's, `image` the URL of a small
    picture. Optional fields are left out if they are empty, so that offers stored before a field existed are read the
    same way.
    """

    variant_id: UUID
    product_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    unit_price: Money
    image: str | None = None
    #: The price before a reduction.
    compare_at: Money | None = None
    tax_class: str | None = None
    weight_g: int | None = None


class VariantFacts(Offer, frozen=True, kw_only=True, omit_defaults=False):
    """The current offer, and the number of units that can be bought: 0 if the variant is no longer for sale."""

    available: int


class VariantsRequest(msgspec.Struct, frozen=True):
    variant_ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_LINES)]


class Variants(msgspec.Struct, frozen=True):
    """The facts of the requested variants, in any order. Archived variants are included, unknown ones are left out."""

    items: list[VariantFacts]


class ChooseVariant(msgspec.Struct, frozen=True):
    product_id: UUID
    variant_id: UUID | None = None
