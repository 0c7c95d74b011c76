from __future__ import annotations

from serai import topology
from tools.shop.pages import LOOKS


def test_it_is_known_how_to_reach_every_page() -> None:
    assert {look.page for look in LOOKS} == set(topology.WEB_PAGES)


def test_every_look_has_a_name_of_its_own() -> None:
    assert len({look.name for look in LOOKS}) == len(LOOKS)
