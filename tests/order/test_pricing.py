"""Money: totals add up whatever the lines, the methods and the rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.order.pricing import Rules, ShippingMethod, TaxRate, UnknownShippingMethod, tax_lines_out, totals

FREE = ShippingMethod("standard", "Standard delivery", 0)
RULES = Rules("USD", (FREE, ShippingMethod("express", "Express", 1500)), ())

amounts = st.integers(min_value=0, max_value=10**8)
lines = st.lists(st.tuples(amounts, st.integers(min_value=1, max_value=999)), max_size=100)
rates = st.lists(
    st.builds(TaxRate, st.text(max_size=5), st.integers(0, 10_000), st.sampled_from([None, "DE", "US"])), max_size=4
)


@given(lines, amounts, rates, st.sampled_from([None, "DE", "US"]))
def test_the_total_is_lines_and_shipping_and_tax(
    lines: list[tuple[int, int]], shipping: int, rates: list[TaxRate], country: str | None
) -> None:
    rules = Rules("USD", (ShippingMethod("only", "Only", shipping),), tuple(rates))
    result = totals(lines, None, country, rules)
    assert result.subtotal == sum(price * quantity for price, quantity in lines)
    assert result.total == result.subtotal + shipping + sum(line.amount for line in result.tax_lines)
    for line in result.tax_lines:
        exact = (result.subtotal + shipping) * line.basis_points
        assert abs(line.amount * 10_000 - exact) <= 5_000


def test_taxes_of_other_countries_are_not_charged() -> None:
    rules = Rules("EUR", (FREE,), (TaxRate("VAT", 1900, "DE"), TaxRate("Levy", 100)))
    assert [line.amount for line in totals([(10_000, 1)], None, "DE", rules).tax_lines] == [1900, 100]
    assert [line.name for line in totals([(10_000, 1)], None, "FR", rules).tax_lines] == ["Levy"]


def test_rounds_half_up() -> None:
    rules = Rules("USD", (FREE,), (TaxRate("Half", 5000),))
    assert [totals([(price, 1)], None, None, rules).tax for price in (1, 2, 3)] == [1, 1, 2]


def test_what_is_short_of_half_is_rounded_down() -> None:
    rules = Rules("USD", (FREE,), (TaxRate("Just below half of a cent", 4_999),))
    assert totals([(1, 1)], None, None, rules).tax == 0


def test_the_first_method_is_the_default_and_an_unknown_one_is_refused() -> None:
    assert totals([(100, 1)], None, None, RULES).total == 100
    assert totals([(100, 1)], "express", None, RULES).total == 1600
    with pytest.raises(UnknownShippingMethod) as refused:
        totals([(100, 1)], "teleport", None, RULES)
    assert [error["field"] for error in refused.value.errors] == ["shipping_method"]


def test_an_order_shows_each_tax_with_its_rate_and_amount() -> None:
    rules = Rules("EUR", (FREE,), (TaxRate("VAT", 1900), TaxRate("Levy", 100)))
    assert tax_lines_out(totals([(10_000, 1)], None, "DE", rules), "EUR") == [
        {"name": "VAT", "basis_points": 1900, "amount": {"amount": 1900, "currency": "EUR"}},
        {"name": "Levy", "basis_points": 100, "amount": {"amount": 100, "currency": "EUR"}},
    ]
