"""Assembles the web service. It has no database, calls no other service, and serves files only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import serai
from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.web.dist import InvalidBuild, read_build, read_preloads
from serai.web.site import Site

_PACKAGE = Path(serai.__file__).parent


class WebSettings(Settings, frozen=True, kw_only=True):
    #: The folder of the build; by default web/dist of the checkout, or the copy in an installed package.
    dist: Annotated[Path | None, Env("SERAI_WEB_DIST")] = None

    def folder(self) -> Path:
        if self.dist is not None:
            return self.dist
        packaged = _PACKAGE / "web" / "dist"
        return packaged if packaged.is_dir() else _PACKAGE.parent / "web" / "dist"


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(WebSettings, environ)
    service = Service(topology.service("web"), settings, callers=topology.callers_of("web"))
    try:
        files = read_build(settings.folder())
        preloads = read_preloads(settings.folder())
    except InvalidBuild as problem:
        raise SettingsError([f"SERAI_WEB_DIST: {problem}; `make web` builds it"]) from problem
    service.state.cached_response = Site(
        files, pages=topology.WEB_PAGES, public=topology.WEB_FILES, preloads=preloads
    ).answer
    return service
