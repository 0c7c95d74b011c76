"""Rules of products that need no database."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid, PreconditionFailed
from serai.chassis.ids import is_id
from serai.commerce.money import MoneyIn
from serai.contracts.product.catalogue import CreateVariant, Option
from serai.product.catalogue.domain import keywords, require_sellable, require_version, slugs_of
from serai.product.search.domain import is_slug

PRODUCT = UUID("01890000-0000-7000-8000-00fedcb0abcd")


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
def test_a_slug_is_the_name_in_ascii_letters_and_digits(name: str, slug: str) -> None:
    assert slugs_of(name, PRODUCT) == [slug, f"{slug}-dcb0abcd", f"{slug}-{PRODUCT.hex}"]


def of(price: int = 100, currency: str = "USD", **options: str) -> CreateVariant:
    return CreateVariant("SKU-1", MoneyIn(price, currency), 0, options)


SIZE, COLOUR = Option("size", ["S", "M"]), Option("colour", ["red"])


def errors_of(options: list[Option], variants: list[CreateVariant], *, listed: bool = True) -> list[tuple[str, str]]:
    try:
        require_sellable(options, variants, "USD", listed=listed)
    except Invalid as refused:
        return [(error["field"], error["message"]) for error in refused.errors]
    return []


def test_a_product_whose_variants_take_one_value_of_each_option_can_be_sold() -> None:
    assert errors_of([], [of()]) == []
    assert errors_of([], [of()], listed=False) == []
    assert errors_of([SIZE, COLOUR], [of(size="S", colour="red"), of(size="M", colour="red")]) == []


@pytest.mark.parametrize(
    ("options", "variants", "expected"),
    [
        ([SIZE, Option("size", ["L"])], [], [("options.1.name", "is declared twice")]),
        ([Option("size", ["S", "S"])], [], [("options.0.values", "has a value twice")]),
        (
            [COLOUR],
            [of(size="S", colour="red")],
            [("variants.0.options.size", "is not an option of this product")],
        ),
        ([SIZE], [of()], [("variants.0.options.size", "is required")]),
        ([SIZE], [of(size="XL")], [("variants.0.options.size", "is not among the option's values")]),
        ([], [of(), of()], [("variants.1.options", "is the same as another variant's")]),
        ([], [of(currency="EUR")], [("variants.0.price.currency", "is not the shop's, USD")]),
        (
            [Option("size", ["S", "S"])],
            [of(currency="EUR", colour="red")],
            [
                ("options.0.values", "has a value twice"),
                ("variants.0.options.colour", "is not an option of this product"),
                ("variants.0.options.size", "is required"),
                ("variants.0.price.currency", "is not the shop's, USD"),
            ],
        ),
    ],
)
def test_every_error_of_a_product_is_reported_with_its_field(
    options: list[Option], variants: list[CreateVariant], expected: list[tuple[str, str]]
) -> None:
    assert errors_of(options, variants) == expected


def test_names_the_products_own_fields_where_no_variants_were_listed() -> None:
    assert errors_of([SIZE], [of(currency="EUR")], listed=False) == [
        ("options.size", "is required"),
        ("price.currency", "is not the shop's, USD"),
    ]


def test_a_product_is_found_by_each_word_once() -> None:
    found = keywords("table-lamps", {"material": "oak"}, [Option("colour", ["oak", "black"])], [of()])
    assert found.split("\n") == ["table lamps", "oak", "black", "SKU-1"]
    by_option = keywords("desk-lamps", {"wood": "walnut", "kind": "M"}, [SIZE, COLOUR], [of(), of()])
    assert by_option.split("\n") == ["desk lamps", "walnut", "M", "S", "red", "SKU-1"]
    assert keywords(None, {}, [], [of()]) == "SKU-1"


@pytest.mark.parametrize("if_match", [None, "*", " * ", '"3"', 'W/"3-0a1b"', '"2", W/"3-ff"'])
def test_takes_the_version_from_any_tag_of_ours(if_match: str | None) -> None:
    require_version(if_match, 3)


@pytest.mark.parametrize("if_match", ['"2"', 'W/"2-3"', '"33"', "3", "", '""'])
def test_refuses_another_version(if_match: str) -> None:
    with pytest.raises(PreconditionFailed):
        require_version(if_match, 3)
