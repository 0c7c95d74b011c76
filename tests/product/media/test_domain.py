"""Rules of images that need no database."""

from __future__ import annotations

from uuid import uuid4

import pytest

from serai.chassis.errors import Invalid
from serai.product.media.domain import image_ids


def test_an_image_keeps_its_id_where_it_is_told_again() -> None:
    a, b = uuid4(), uuid4()
    before = [(a, "/media/a"), (b, "/media/b")]
    assert image_ids([(None, "/media/b"), (None, "/media/a")], before) == [b, a]
    assert image_ids([(a, "/media/c"), (None, "/media/b")], before) == [a, b]
    first, second = image_ids([(None, "/media/a"), (None, "/media/a")], before)
    assert first == a
    assert second not in (a, b)
    for wrong in ([(uuid4(), "/media/a")], [(a, "/media/a"), (a, "/media/b")]):
        with pytest.raises(Invalid) as refused:
            image_ids(wrong, before)
        message = "is not an image of this product, or given twice"
        assert refused.value.errors == [{"field": f"images.{len(wrong) - 1}.id", "message": message}]
