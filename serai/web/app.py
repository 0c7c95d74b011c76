"""The web service, assembled: no database, nobody it calls, and no route that is not a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import serai
from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.web.dist import Unusable, needs, read
from serai.web.site import Site

_BESIDE = Path(serai.__file__).parent


class WebSettings(Settings, frozen=True, kw_only=True):
    #: The folder that the build made; web/dist of the checkout, or the copy within an installed package.
    dist: Annotated[Path | None, Env("SERAI_WEB_DIST")] = None

    def folder(self) -> Path:
        if self.dist is not None:
            return self.dist
        packaged = _BESIDE / "web" / "dist"
        return packaged if packaged.is_dir() else _BESIDE.parent / "web" / "dist"


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(WebSettings, environ)
    service = Service(topology.service("web"), settings, callers=topology.callers_of("web"))
    try:
        files = read(settings.folder())
        needed = needs(settings.folder())
    except Unusable as problem:
        raise SettingsError([f"SERAI_WEB_DIST: {problem}; `make web` builds it"]) from problem
    service.state.cached_response = Site(
        files, pages=topology.WEB_PAGES, public=topology.WEB_FILES, needs=needed
    ).answer
    return service
