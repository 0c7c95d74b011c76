"""Rules of lists that need no database."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.product.search.domain import (
    MAX_PRICE_RANGES,
    PRICE_STEPS,
    category_name,
    corrected,
    is_slug,
    letters_wrong,
    price_ranges,
)


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
        ("ab", "ba", 1),
        ("acb", "abc", 1),
        ("ba", "cb", 2),
        ("ab", "cbb", 2),
        ("ababb", "ab", 3),
    ],
)
def test_counts_the_letters_that_are_wrong(typed: str, meant: str, wrong: int) -> None:
    assert letters_wrong(typed, meant) == wrong == letters_wrong(meant, typed)


def test_corrects_what_is_misspelt_and_leaves_the_rest() -> None:
    alike = {"chiar": ["china", "chair"], "wal": ["well", "walnut"], "xylophone": ["telephone"], "zz": []}
    assert corrected('chiar -"wal" or 12 desk xylophone zz', alike) == 'chair -"walnut" or 12 desk xylophone zz'


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dusk", "desk"),
        ("duck", "duck"),
        ("waltnuts", "walnut"),
        ("wxltnuts", "wxltnuts"),
    ],
)
def test_one_letter_in_four_may_be_wrong(typed: str, meant: str) -> None:
    assert corrected(typed, {typed: ["desk", "walnut"]}) == meant


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


def test_the_neighbouring_ranges_that_hold_fewest_are_joined() -> None:
    few = {1: 7, 2: 1, 4: 2, 5: 9, 6: 9, 7: 9}
    assert [count for _, _, count in price_ranges(few)] == [7, 1, 2, 9, 9, 9]
    assert price_ranges(few | {8: 9}) == [
        (0, 249, 7),
        (250, 2499, 3),
        (2500, 4999, 9),
        (5000, 9999, 9),
        (10000, 24999, 9),
        (25000, None, 9),
    ]
    assert [count for _, _, count in price_ranges({1: 9, 2: 9, 3: 9, 4: 9, 5: 9, 6: 1, 7: 1})] == [9, 9, 9, 9, 9, 2]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("walnut-desk", True),
        ("A1", True),
        ("Walnut-Desk-2", True),
        ("", False),
        ("a b", False),
        ("caf\u00e9", False),
        ("x\n", False),
        ("x" * 121, False),
    ],
)
def test_knows_what_may_be_a_slug(text: str, is_one: bool) -> None:
    assert is_slug(text) is is_one


def test_a_category_is_called_as_its_slug_reads() -> None:
    assert category_name("table-lamps") == "Table lamps"
