"""The product service, assembled."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.types import ASGIApp, HTTPScope

from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import load
from serai.product import actions, api, internal
from serai.product.archive import Archive
from serai.product.catalogue import Catalogue
from serai.product.deps import Deps
from serai.product.media import Media, ProductSettings, files_of
from serai.product.pictures import Studio


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(ProductSettings, environ).check()
    service = Service(topology.service("product"), settings, callers=topology.callers_of("product"))
    catalogue = Catalogue(service.database)
    media = Media(files_of(settings), Archive(settings.media_archive) if settings.media_archive else None)

    def kept(scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        return catalogue.kept(scope) or media.kept(scope)

    async def sweep() -> None:
        await actions.sweep_pictures(service.database, media)

    deps = Deps(service.database, catalogue, Studio(), media, settings.currency)
    service.routes(deps, [*api.ROUTES, *internal.ROUTES])
    service.background("catalogue", catalogue.follow)
    service.background("read-ahead", catalogue.read_ahead)
    service.every("prune-changes", 60, catalogue.prune)
    service.every("sweep-pictures", 600, sweep)
    service.state.kept = kept
    return service
