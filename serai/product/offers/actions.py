"""Which variant a buyer means."""

from __future__ import annotations

from uuid import UUID

from serai.chassis.data.database import Database
from serai.chassis.errors import NotFound
from serai.contracts.product.offers import VariantFacts, VariantRequired
from serai.product.offers import store


async def choose_variant(db: Database, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
    """The variant that is meant. Raises `NotFound`, `VariantRequired`."""
    async with db.connection() as conn:
        found = await store.choices(conn, product_id, variant_id)
    if not found:
        raise NotFound
    if len(found) > 1:
        raise VariantRequired(errors=[{"field": "variant_id", "message": "is required"}])
    return found[0]
