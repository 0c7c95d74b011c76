"""Rules that need no database."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid, PreconditionFailed
from serai.chassis.money import Money
from serai.product.domain import (
    MAX_PRICE_RANGES,
    PRICE_STEPS,
    category_name,
    corrected,
    image_ids,
    is_id,
    is_slug,
    keywords,
    letters_wrong,
    order_of,
    price_ranges,
    require_sellable,
    require_version,
    slugs_of,
)

PRODUCT = UUID("01890000-0000-7000-8000-00fedcb0abcd")
ORDER = "01890000-0000-7000-8000-000000000001"


@given(st.text(max_size=300), st.uuids())
def test_every_name_has_a_slug_that_fits_a_path_and_is_no_id(name: str, product_id: UUID) -> None:
    slugs = slugs_of(name, product_id)
    assert len(set(slugs)) == 3
    assert all(is_slug(slug) and not is_id(slug) and slug == slug.lower() for slug in slugs)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Walnut Desk", "walnut-desk"),
        ("Men's Café\u2019s Shirt", "mens-cafes-shirt"),
        ("- (Desk) 2 -", "desk-2"),
        ("!!!", "product"),
        (str(PRODUCT), f"product-{PRODUCT}"),
        ("a" * 79 + " desk", "a" * 79),
        ("a" * 90, "a" * 80),
    ],
)
def test_a_slug_is_the_name_in_plain_letters_and_figures(name: str, slug: str) -> None:
    assert slugs_of(name, PRODUCT) == [slug, f"{slug}-dcb0abcd", f"{slug}-{PRODUCT.hex}"]


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


def test_an_id_or_a_slug_may_be_written_in_capitals() -> None:
    assert is_id("ABCDEF00-ABCD-7000-8000-ABCDEFABCDEF")
    assert is_id("abcdef00-abcd-7000-8000-abcdefabcdef")
    assert is_slug("Walnut-Desk-2")


def test_a_category_is_called_by_its_words() -> None:
    assert category_name("desk-lamps") == "Desk lamps"


@dataclass(frozen=True)
class Option:
    name: str
    values: list[str]


@dataclass(frozen=True)
class Variant:
    sku: str = "SKU"
    options: dict[str, str] = field(default_factory=dict)
    price: Money = field(default=Money(100, "USD"))


SIZE, COLOUR = Option("size", ["S", "M"]), Option("colour", ["red"])
SMALL_RED = Variant("SR", {"size": "S", "colour": "red"})


def test_a_product_is_found_by_its_category_attributes_options_and_skus() -> None:
    found = keywords("desk-lamps", {"wood": "walnut", "kind": "M"}, [SIZE, COLOUR], [SMALL_RED, Variant("MR")])
    assert found.split("\n") == ["desk lamps", "walnut", "M", "S", "red", "SR", "MR"]
    assert keywords(None, {}, [], [Variant("A")]) == "A"


def wrongs(options: list[Option], variants: list[Variant], *, listed: bool = True) -> list[tuple[str, str]]:
    try:
        require_sellable(options, variants, "USD", listed=listed)
    except Invalid as refused:
        return [(error["field"], error["message"]) for error in refused.errors]
    return []


def test_a_product_whose_variants_take_one_value_of_each_option_can_be_sold() -> None:
    assert wrongs([], [Variant()], listed=False) == []
    assert wrongs([SIZE, COLOUR], [SMALL_RED, Variant("MR", {"size": "M", "colour": "red"})]) == []


@pytest.mark.parametrize(
    ("options", "variants", "expected"),
    [
        ([SIZE, Option("size", ["L"])], [], [("options.1.name", "is declared twice")]),
        ([Option("size", ["S", "S"])], [], [("options.0.values", "has a value twice")]),
        ([COLOUR], [SMALL_RED], [("variants.0.options.size", "is not an option of this product")]),
        ([SIZE], [Variant()], [("variants.0.options.size", "is required")]),
        (
            [SIZE],
            [Variant(options={"size": "XL"})],
            [("variants.0.options.size", "is not among the option's values")],
        ),
        ([], [Variant(), Variant()], [("variants.1.options", "is the same as another variant's")]),
        ([], [Variant(price=Money(1, "EUR"))], [("variants.0.price.currency", "is not the shop's, USD")]),
        (
            [Option("size", ["S", "S"])],
            [Variant(options={"colour": "red"}, price=Money(1, "EUR"))],
            [
                ("options.0.values", "has a value twice"),
                ("variants.0.options.colour", "is not an option of this product"),
                ("variants.0.options.size", "is required"),
                ("variants.0.price.currency", "is not the shop's, USD"),
            ],
        ),
    ],
)
def test_everything_that_is_wrong_with_a_product_is_told_by_its_field(
    options: list[Option], variants: list[Variant], expected: list[tuple[str, str]]
) -> None:
    assert wrongs(options, variants) == expected


def test_what_is_wrong_with_a_product_without_variants_is_told_by_its_own_fields() -> None:
    assert wrongs([SIZE], [Variant(price=Money(1, "EUR"))], listed=False) == [
        ("options.size", "is required"),
        ("price.currency", "is not the shop's, USD"),
    ]


@pytest.mark.parametrize("if_match", [None, "*", " * ", '"3"', 'W/"3-17"', '"2", W/"3-17"'])
def test_a_change_of_the_version_that_was_seen_is_made(if_match: str | None) -> None:
    require_version(if_match, 3)


@pytest.mark.parametrize("if_match", ['"2"', 'W/"2-3"', "3", "", '"33"'])
def test_a_change_of_another_version_is_refused(if_match: str) -> None:
    with pytest.raises(PreconditionFailed):
        require_version(if_match, 3)


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
