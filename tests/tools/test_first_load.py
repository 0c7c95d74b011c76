"""The scripts of every page stay within their size limits, and every page is measured."""

from __future__ import annotations

import pytest

from serai import topology
from serai.web import dist
from tools.first_load import ON_DEMAND, WEB, Build


@pytest.fixture(scope="module")
def build() -> Build:
    return Build()


def test_every_page_is_counted(build: Build) -> None:
    assert set(build.pages) == set(topology.WEB_PAGES)


def test_a_browser_is_told_with_every_page_what_that_needs() -> None:
    files, needed = dist.read_build(WEB / "dist"), dist.read_preloads(WEB / "dist")
    assert set(needed) == set(topology.WEB_PAGES)
    assert {path for paths in needed.values() for path in paths if not path.startswith("/api/")} <= set(files)


def test_modules_excluded_from_the_count_are_loaded_lazily(build: Build) -> None:
    assert build.every_lazy >= ON_DEMAND


@pytest.mark.parametrize("page", topology.WEB_PAGES)
def test_the_first_load_is_within_its_limit(build: Build, page: str) -> None:
    load = build.first_load(page)
    assert load.size_kb <= load.limit_kb, f"{page} loads {load.files} scripts, {load.size_kb:.1f} kB compressed"
