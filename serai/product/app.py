"""Assembles the product service."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.types import ASGIApp, HTTPScope

from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import load
from serai.product import changes
from serai.product.catalogue import api as catalogue
from serai.product.deps import Deps
from serai.product.inventory import api as inventory
from serai.product.inventory import internal as holds
from serai.product.media import api as media
from serai.product.media.actions import sweep_pictures
from serai.product.media.archive import Archive
from serai.product.media.files import MediaFiles, ProductSettings, files_of
from serai.product.media.pictures import ImageOpener
from serai.product.offers import internal as offers
from serai.product.search import api as search
from serai.product.search.cache import ProductCache


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(ProductSettings, environ).check()
    service = Service(topology.service("product"), settings, callers=topology.callers_of("product"))
    cache = ProductCache(service.database)
    files = MediaFiles(files_of(settings), Archive(settings.media_archive) if settings.media_archive else None)

    def kept(scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        return cache.kept(scope) or files.kept(scope)

    async def sweep() -> None:
        await sweep_pictures(service.database, files)

    async def prune() -> None:
        async with service.database.connection() as conn:
            await changes.prune(conn)

    deps = Deps(
        service.database,
        changes.Changes(service.database, cache.drop),
        cache,
        ImageOpener(),
        files,
        settings.currency.code,
    )
    nouns = (search, catalogue, media, inventory, offers, holds)
    service.routes(deps, [route for noun in nouns for route in noun.ROUTES])
    service.fixed_by_data("SERAI_CURRENCY", settings.currency.code, "select currency from product limit 1")
    service.background("catalogue", cache.follow)
    service.background("read-ahead", cache.read_ahead)
    service.every("prune-changes", 60, prune)
    service.every("sweep-pictures", 600, sweep)
    service.state.cached_response = kept
    return service
