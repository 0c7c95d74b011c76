"""The lines of a payment page: they add up to the amount due, and none is negative."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from hypothesis import given

from serai.commerce.charge import ChargeLine, charge_lines
from serai.commerce.line import Line
from serai.commerce.priced import Adjustment, Priced, PricedLine, PricedShipping, TaxLine
from tests.commerce.baskets import baskets


@given(baskets())
def test_a_payment_page_shows_lines_that_add_up_to_what_is_due_and_none_is_negative(basket: Priced) -> None:
    lines = charge_lines(basket)
    assert sum(line.quantity * line.unit_amount for line in lines) == basket.amount_due
    assert all(line.unit_amount >= 0 and line.quantity >= 1 for line in lines)
    assert all(type(line.unit_amount) is int for line in lines)


@given(baskets())
def test_a_payment_page_shows_each_unit_where_a_line_can_be_divided(basket: Priced) -> None:
    for shown, line in zip(charge_lines(basket), basket.lines, strict=False):
        if line.net_of_discount % line.line.quantity:
            assert (shown.name, shown.quantity) == (f"{line.line.quantity} × {line.line.name}", 1)
        else:
            assert (shown.name, shown.quantity) == (line.line.name, line.line.quantity)


DESK = Line(UUID(int=1), UUID(int=2), UUID(int=3), "DESK-120", "Walnut desk", {}, unit_price=1000, quantity=2)
BASKET = Priced(
    currency="USD",
    prices_include_tax=False,
    lines=(PricedLine(DESK, discount=0, tax=380),),
    shipping=PricedShipping("standard", "Standard delivery", price=500, discount=200, tax=57),
    adjustments=(Adjustment("post", "Post", "shipping", 200),),
    tax_lines=(TaxLine("VAT", 190_000, base=2300, amount=437, included=False),),
)


def test_shipping_and_a_tax_that_is_added_are_lines_of_their_own() -> None:
    assert charge_lines(BASKET) == [
        ChargeLine("Walnut desk", 2, 1000),
        ChargeLine("Shipping", 1, 300),
        ChargeLine("Tax", 1, 437),
    ]


def test_a_tax_inside_the_prices_and_free_shipping_are_no_lines() -> None:
    included = replace(
        BASKET,
        prices_include_tax=True,
        shipping=replace(BASKET.shipping, discount=500),
        adjustments=(Adjustment("post", "Post", "shipping", 500),),
        tax_lines=(replace(BASKET.tax_lines[0], included=True),),
    )
    assert charge_lines(included) == [ChargeLine("Walnut desk", 2, 1000)]
