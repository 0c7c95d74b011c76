"""Every statement that reads offers, and the columns that an offer is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.commerce.money import Money
from serai.contracts.product.offers import Offer, VariantFacts

AnyOffer = TypeVar("AnyOffer", bound=Offer)

#: Of a variant `v` and its product `p`. A product's first image is shown for it, in its smallest file.
OFFER_COLUMNS = """
    v.id as variant_id, v.product_id, v.sku, p.name, v.options, v.price_minor, p.currency,
    coalesce(p.images #>> '{0,sources,0,url}', p.images #>> '{0,url}') as image
"""
#: Units that can be bought; none where the variant or its product is not for sale.
AVAILABLE_COLUMN = "case when p.status = 'active' and v.archived_at is null then v.available else 0 end as available"

_VARIANT_FACTS = f"""
    select {OFFER_COLUMNS}, {AVAILABLE_COLUMN}
    from variant v join product p on p.id = v.product_id
    where v.id = any (array(select unnest($1::uuid[])))
"""
_CHOICES = f"""
    select {OFFER_COLUMNS}, {AVAILABLE_COLUMN}
    from variant v join product p on p.id = v.product_id
    where v.product_id = $1 and p.status = 'active' and v.archived_at is null
      and ($2::uuid is null or v.id = $2)
    limit 2
"""


async def variant_facts(conn: Connection, variant_ids: Sequence[UUID]) -> list[VariantFacts]:
    """In any order; one that does not exist is left out.

    How many ids there are is hidden from the planner, as `catalogue/store.py: products` explains."""
    return [read_offer(row, VariantFacts) for row in await conn.fetch(_VARIANT_FACTS, variant_ids)]


async def choices(conn: Connection, product_id: UUID, variant_id: UUID | None) -> list[VariantFacts]:
    """What of this product can be bought: at most two of its variants, or the one asked for."""
    return [read_offer(row, VariantFacts) for row in await conn.fetch(_CHOICES, product_id, variant_id)]


def read_offer(row: asyncpg.Record | Mapping[str, Any], kind: type[AnyOffer]) -> AnyOffer:
    """An offer, or what extends it, from a row with `OFFER_COLUMNS` and the columns that `kind` adds."""
    return msgspec.convert({**row, "unit_price": Money(row["price_minor"], row["currency"])}, kind)
