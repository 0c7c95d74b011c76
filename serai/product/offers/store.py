"""Every statement that reads offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from serai.chassis.data.database import Connection
from serai.commerce.money import Money
from serai.contracts.product.offers import VariantFacts


async def variant_facts(conn: Connection, variant_ids: Sequence[UUID]) -> list[VariantFacts]:
    """As `products`."""
    rows = await conn.fetch(
        """
        select v.id, v.product_id, v.sku, p.name, v.options, p.images, v.price_minor, p.currency,
               case when p.status = 'active' and v.archived_at is null then v.available else 0 end as available
        from variant v join product p on p.id = v.product_id
        where v.id = any (array(select unnest($1::uuid[])))
        """,
        variant_ids,
    )
    return [_facts(row) for row in rows]


async def choices(conn: Connection, product_id: UUID, variant_id: UUID | None) -> list[VariantFacts]:
    """What of this product can be bought: at most two of its variants, or the one asked for."""
    rows = await conn.fetch(
        """
        select v.id, v.product_id, v.sku, p.name, v.options, p.images, v.price_minor, p.currency, v.available
        from variant v join product p on p.id = v.product_id
        where v.product_id = $1 and p.status = 'active' and v.archived_at is null
          and ($2::uuid is null or v.id = $2)
        limit 2
        """,
        product_id,
        variant_id,
    )
    return [_facts(row) for row in rows]


def _facts(row: asyncpg.Record) -> VariantFacts:
    return VariantFacts(
        variant_id=row["id"],
        product_id=row["product_id"],
        sku=row["sku"],
        name=row["name"],
        options=row["options"],
        image=_small(row["images"]),
        unit_price=Money(row["price_minor"], row["currency"]),
        available=row["available"],
    )


def _small(images: list[dict[str, Any]]) -> str | None:
    """The first picture as it is shown beside a line of a cart."""
    if not images:
        return None
    sources = images[0].get("sources")
    url: str = sources[0]["url"] if sources else images[0]["url"]
    return url
