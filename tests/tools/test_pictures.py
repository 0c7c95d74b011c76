"""The pictures in the package match the drawings."""

from __future__ import annotations

import pytest
from PIL import ImageChops, ImageStat

from serai.demo import PICTURES
from serai.demo.pictures import pictures
from serai.product.media.archive import Archive
from tests.product.images import opened
from tools.pictures.__main__ import chosen, drawn, svg_of
from tools.pictures.drawings import DRAWINGS


def test_every_drawing_is_of_a_product() -> None:
    products = [name for _, name, _ in chosen("")]
    assert sorted(products) == sorted(DRAWINGS)
    assert len({svg_of(*one) for one in chosen("")}) == len(products)


@pytest.mark.parametrize("name", ["Round side table", "Weekly planner"])
def test_a_stored_picture_matches_its_drawing(name: str) -> None:
    (one,) = chosen(name)
    file = Archive(PICTURES).read(pictures()[name].files[0])
    assert file is not None
    shown = opened(file).convert("RGB")
    difference = ImageStat.Stat(ImageChops.difference(shown, drawn(svg_of(*one), shown.width)))
    # Another version of the encoder or renderer changes a few bits, another drawing many more.
    assert max(difference.mean) < 4
