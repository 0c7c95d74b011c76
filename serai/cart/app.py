"""Assembles the cart service."""

from __future__ import annotations

from collections.abc import Mapping

from serai import topology
from serai.cart import api, internal, store
from serai.cart.deps import Deps
from serai.cart.product_batch import ProductBatch
from serai.chassis.auth.origins import cookie_name, own_origins
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from serai.contracts.product.client import ProductClient


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(Settings, environ)
    service = Service(topology.service("cart"), settings, callers=topology.callers_of("cart"))
    product = ProductClient(service.calls)
    deps = Deps(
        database=service.database,
        product=product,
        product_batch=ProductBatch(product),
        currency=settings.currency,
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
