"""The list of pages is complete."""

from __future__ import annotations

from serai import topology
from tools.shop.pages import LOOKS


def test_every_page_is_listed() -> None:
    assert {look.page for look in LOOKS} == set(topology.WEB_PAGES)


def test_every_look_has_a_unique_name() -> None:
    assert len({look.name for look in LOOKS}) == len(LOOKS)
