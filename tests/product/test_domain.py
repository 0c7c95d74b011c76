"""Rules that need no database."""

from __future__ import annotations

import itertools
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid
from serai.product.domain import (
    MAX_PRICE_RANGES,
    PRICE_STEPS,
    corrected,
    image_ids,
    is_id,
    is_slug,
    letters_wrong,
    order_of,
    price_ranges,
    slugs_of,
)

ORDER = "01890000-0000-7000-8000-000000000001"


@given(st.text(max_size=300), st.uuids())
def test_every_name_has_a_slug_that_fits_a_path_and_is_no_id(name: str, product_id: UUID) -> None:
    slugs = slugs_of(name, product_id)
    assert len(set(slugs)) == 3
    assert all(is_slug(slug) and not is_id(slug) and slug == slug.lower() for slug in slugs)


@pytest.mark.parametrize(
    ("typed", "meant", "wrong"),
    [
        ("lamp", "lamp", 0),
        ("lmap", "lamp", 1),
        ("chiar", "chair", 1),
        ("dsk", "desk", 1),
        ("deskk", "desk", 1),
        ("dusk", "desk", 1),
        ("", "desk", 4),
    ],
)
def test_counts_the_letters_that_are_wrong(typed: str, meant: str, wrong: int) -> None:
    assert letters_wrong(typed, meant) == wrong == letters_wrong(meant, typed)


def test_corrects_what_is_misspelt_and_leaves_the_rest() -> None:
    alike = {"chiar": ["china", "chair"], "wal": ["well", "walnut"], "xylophone": ["telephone"], "zz": []}
    assert corrected('chiar -"wal" or 12 desk xylophone zz', alike) == 'chair -"walnut" or 12 desk xylophone zz'


def test_a_hold_tells_its_order() -> None:
    assert order_of(ORDER) == order_of(f"{ORDER}:2") == UUID(ORDER)
    assert order_of("something-else:2") is None


@given(st.dictionaries(st.integers(0, len(PRICE_STEPS)), st.integers(0, 10**6)))
def test_price_ranges_are_few_and_hold_every_price_once(counts: dict[int, int]) -> None:
    ranges = price_ranges(counts)
    assert len(ranges) <= MAX_PRICE_RANGES
    assert sum(count for _, _, count in ranges) == sum(counts.values())
    assert all(count > 0 for _, _, count in ranges)
    if ranges:
        assert (ranges[0][0], ranges[-1][1]) == (0, None)
    for (_, end, _), (start, _, _) in itertools.pairwise(ranges):
        assert end == start - 1
        assert start in PRICE_STEPS


def test_an_image_keeps_its_id_where_it_is_told_again() -> None:
    a, b = uuid4(), uuid4()
    before = [(a, "/media/a"), (b, "/media/b")]
    assert image_ids([(None, "/media/b"), (None, "/media/a")], before) == [b, a]
    assert image_ids([(a, "/media/c"), (None, "/media/b")], before) == [a, b]
    first, second = image_ids([(None, "/media/a"), (None, "/media/a")], before)
    assert first == a
    assert second not in (a, b)
    for wrong in ([(uuid4(), "/media/a")], [(a, "/media/a"), (a, "/media/b")]):
        with pytest.raises(Invalid):
            image_ids(wrong, before)
