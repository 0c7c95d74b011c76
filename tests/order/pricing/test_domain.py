"""What a basket costs: sums add up whatever the lines, the methods and the rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.line import Line
from serai.commerce.priced import Priced, TaxLine
from serai.order.pricing.domain import Rules, ShippingMethod, TaxRate, UnknownShippingMethod, price

FREE = ShippingMethod("standard", "Standard delivery", 0)
EXPRESS = ShippingMethod("express", "Express", 1500)
RULES = Rules("USD", (FREE, EXPRESS), ())

amounts = st.integers(min_value=0, max_value=10**8)
baskets = st.lists(st.tuples(amounts, st.integers(min_value=1, max_value=999)), min_size=1, max_size=30)
rates = st.lists(
    st.builds(TaxRate, st.text(max_size=5), st.integers(0, 1_000_000), st.sampled_from([None, "DE", "US"])), max_size=4
)
countries = st.sampled_from([None, "DE", "US"])


def lines(*sold: tuple[int, int]) -> list[Line]:
    return [
        Line(UUID(int=at), UUID(int=at), UUID(int=at), f"SKU-{at}", "Desk", {}, unit_price, quantity)
        for at, (unit_price, quantity) in enumerate(sold)
    ]


def shop(*rates: TaxRate, shipping: int = 0, inclusive: bool = False, currency: str = "USD") -> Rules:
    return Rules(currency, (ShippingMethod("only", "Only", shipping),), rates, inclusive)


@given(baskets, amounts, rates, countries)
def test_a_tax_that_is_added_is_exact_to_half_a_minor_unit(
    basket: list[tuple[int, int]], shipping: int, rates: list[TaxRate], country: str | None
) -> None:
    result = price(lines(*basket), None, country, shop(*rates, shipping=shipping))
    assert result.subtotal == sum(price * quantity for price, quantity in basket)
    assert result.total == result.subtotal + shipping + sum(line.amount for line in result.tax_lines)
    for line in result.tax_lines:
        assert abs(line.amount * 1_000_000 - (result.subtotal + shipping) * line.rate) <= 500_000


@given(baskets, amounts, rates, countries)
def test_a_tax_inside_the_prices_changes_no_total(
    basket: list[tuple[int, int]], shipping: int, rates: list[TaxRate], country: str | None
) -> None:
    result = price(lines(*basket), None, country, shop(*rates, shipping=shipping, inclusive=True))
    gross = result.subtotal + shipping
    assert result.total == gross
    rate = sum(line.rate for line in result.tax_lines)
    assert abs(result.tax * (1_000_000 + rate) - gross * rate) * 2 <= 1_000_000 + rate
    assert all(line.included and line.base + result.tax == gross for line in result.tax_lines)


@given(baskets, amounts, rates, st.booleans())
def test_the_order_of_a_cart_changes_nothing(
    basket: list[tuple[int, int]], shipping: int, rates: list[TaxRate], inclusive: bool
) -> None:
    cart = lines(*basket)
    shuffled: list[Line] = sorted(cart, key=lambda line: line.sku, reverse=True)
    rules = shop(*rates, shipping=shipping, inclusive=inclusive)
    assert by_id(price(cart, None, "DE", rules)) == by_id(price(shuffled, None, "DE", rules))


def by_id(priced: Priced) -> dict[UUID, int]:
    return {line.line.id: line.tax for line in priced.lines}


@pytest.mark.parametrize(
    ("sold", "shipping", "rates", "taxes"),
    [
        # WooCommerce issue 20440, with its shipping taken as gross: 100.00 at 21 % inside.
        ([(4500, 1), (4900, 1)], 600, [("VAT", 210_000)], [1736]),
        # WooCommerce issue 23917: two rates of 9 % inside 599.00.
        ([(59_900, 1)], 0, [("State", 90_000), ("City", 90_000)], [4569, 4568]),
    ],
)
def test_published_examples_of_tax_inside_the_prices(
    sold: Sequence[tuple[int, int]], shipping: int, rates: Sequence[tuple[str, int]], taxes: list[int]
) -> None:
    rules = shop(*(TaxRate(name, rate) for name, rate in rates), shipping=shipping, inclusive=True)
    result = price(lines(*sold), None, "DE", rules)
    assert [(line.name, line.rate) for line in result.tax_lines] == rates
    assert [line.amount for line in result.tax_lines] == taxes
    assert result.total == sum(price * quantity for price, quantity in sold) + shipping


def test_taxes_of_other_countries_are_not_charged() -> None:
    rules = shop(TaxRate("VAT", 190_000, "DE"), TaxRate("Levy", 10_000), currency="EUR")
    assert [line.amount for line in price(lines((10_000, 1)), None, "DE", rules).tax_lines] == [1900, 100]
    assert [line.name for line in price(lines((10_000, 1)), None, "FR", rules).tax_lines] == ["Levy"]


def test_rounds_half_up() -> None:
    rules = shop(TaxRate("Half", 500_000))
    assert [price(lines((amount, 1)), None, None, rules).tax for amount in (1, 2, 3)] == [1, 1, 2]


def test_a_tax_below_half_a_minor_unit_is_rounded_down() -> None:
    rules = shop(TaxRate("Just below half of a cent", 499_999))
    assert price(lines((1, 1)), None, None, rules).tax == 0


def test_the_first_method_is_the_default_and_an_unknown_one_is_refused() -> None:
    assert price(lines((100, 1)), None, None, RULES).total == 100
    assert price(lines((100, 1)), "express", None, RULES).total == 1600
    with pytest.raises(UnknownShippingMethod) as refused:
        price(lines((100, 1)), "teleport", None, RULES)
    assert [error["field"] for error in refused.value.errors] == ["shipping_method"]


def test_a_basket_keeps_its_lines_and_shows_its_shipping_method_and_each_tax_with_its_rate() -> None:
    rules = replace(shop(TaxRate("VAT", 190_000), TaxRate("Levy", 10_000), currency="EUR"), shipping_methods=(EXPRESS,))
    cart = lines((10_000, 1), (2_500, 2))
    result = price(cart, None, "DE", rules)
    assert [line.line for line in result.lines] == cart
    assert result.currency == "EUR"
    assert (result.shipping.method, result.shipping.name, result.shipping.price) == ("express", "Express", 1500)
    assert result.tax_lines == (
        TaxLine("VAT", 190_000, 16_500, 3_135, included=False),
        TaxLine("Levy", 10_000, 16_500, 165, included=False),
    )
    assert [line.tax for line in result.lines] == [2_000, 1_000]
    assert result.shipping.tax == 300
