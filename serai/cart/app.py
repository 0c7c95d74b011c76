"""Assembles the cart service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from serai import topology
from serai.cart import api, internal, store
from serai.cart.deps import Deps
from serai.cart.product_batch import ProductBatch
from serai.chassis.auth.origins import cookie_name, own_origins
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, load
from serai.commerce.currency import CURRENCIES, Currency
from serai.contracts.product.client import ProductClient


class CartSettings(Settings, frozen=True, kw_only=True):
    currency: Annotated[Currency, Env("SERAI_CURRENCY")] = CURRENCIES["USD"]


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(CartSettings, environ)
    service = Service(topology.service("cart"), settings, callers=topology.callers_of("cart"))
    product = ProductClient(service.calls)
    deps = Deps(
        database=service.database,
        product=product,
        product_batch=ProductBatch(product),
        currency=settings.currency.code,
        cookie=cookie_name("serai_cart", settings.public_url),
        secure=settings.public_url.startswith("https://"),
        own_origins=own_origins(settings.public_url, local=settings.local),
    )

    async def prune() -> None:
        async with deps.database.transaction() as tx:
            await store.prune(tx)

    service.routes(deps, [*api.ROUTES, *internal.ROUTES])
    service.every("prune-carts", 600, prune)
    return service
