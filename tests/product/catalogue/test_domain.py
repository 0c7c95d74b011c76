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


@given(st.text(max_size=300), st.uuids())
def test_every_name_has_a_slug_that_fits_a_path_and_is_no_id(name: str, product_id: UUID) -> None:
    slugs = slugs_of(name, product_id)
    assert len(set(slugs)) == 3
    assert all(is_slug(slug) and not is_id(slug) and slug == slug.lower() for slug in slugs)


def of(price: int = 100, currency: str = "USD", **options: str) -> CreateVariant:
    return CreateVariant("SKU-1", MoneyIn(price, currency), 0, options)


SIZE = Option("size", ["S", "M"])


@pytest.mark.parametrize(
    ("options", "variants", "fields"),
    [
        ([], [of()], []),
        ([SIZE], [of(size="S"), of(size="M")], []),
        ([SIZE], [of()], ["variants.0.options.size"]),
        ([SIZE], [of(size="L")], ["variants.0.options.size"]),
        ([], [of(size="S")], ["variants.0.options.size"]),
        ([SIZE], [of(size="S"), of(size="S")], ["variants.1.options"]),
        ([SIZE, SIZE], [of(size="S")], ["options.1.name"]),
        ([Option("size", ["S", "S"])], [of(size="S")], ["options.0.values"]),
        ([], [of(currency="EUR")], ["variants.0.price.currency"]),
        ([SIZE], [of(size="L", currency="EUR")], ["variants.0.options.size", "variants.0.price.currency"]),
    ],
)
def test_tells_everything_that_keeps_variants_from_being_sold(
    options: list[Option], variants: list[CreateVariant], fields: list[str]
) -> None:
    if not fields:
        return require_sellable(options, variants, "USD", listed=True)
    with pytest.raises(Invalid) as refused:
        require_sellable(options, variants, "USD", listed=True)
    assert [error["field"] for error in refused.value.errors] == fields
    return None


def test_names_the_products_own_fields_where_no_variants_were_listed() -> None:
    with pytest.raises(Invalid) as refused:
        require_sellable([], [of(currency="EUR")], "USD", listed=False)
    assert [error["field"] for error in refused.value.errors] == ["price.currency"]


def test_a_product_is_found_by_each_word_once() -> None:
    found = keywords("table-lamps", {"material": "oak"}, [Option("colour", ["oak", "black"])], [of()])
    assert found.split("\n") == ["table lamps", "oak", "black", "SKU-1"]
    assert keywords(None, {}, [], [of()]) == "SKU-1"


@pytest.mark.parametrize("if_match", [None, "*", '"3"', 'W/"3-0a1b"', '"2", W/"3-ff"'])
def test_takes_the_version_from_any_tag_of_ours(if_match: str | None) -> None:
    require_version(if_match, 3)


@pytest.mark.parametrize("if_match", ['"2"', 'W/"2-3"', '"33"', "3", "", '""'])
def test_refuses_another_version(if_match: str) -> None:
    with pytest.raises(PreconditionFailed):
        require_version(if_match, 3)
