"""Offers, as cart and order ask for them."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from serai.contracts.product.offers import ChooseVariant, VariantFacts, Variants, VariantsRequest
from serai.product.deps import Deps
from serai.product.offers import actions, store


@post("/internal/variants", policy="service", include_in_schema=False, status_code=200)
async def variants(deps: NamedDependency[Deps], data: JSONBody[VariantsRequest]) -> Variants:
    async with deps.db.connection() as conn:
        return Variants(await store.variant_facts(conn, data.variant_ids))


@post("/internal/choices", policy="service", include_in_schema=False, status_code=200)
async def choose(deps: NamedDependency[Deps], data: JSONBody[ChooseVariant]) -> VariantFacts:
    return await actions.choose_variant(deps.db, data.product_id, data.variant_id)


ROUTES = [variants, choose]
