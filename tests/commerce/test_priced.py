"""Priced baskets: every sum is of its parts, and no part is negative."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.line import Line
from serai.commerce.priced import Adjustment, Priced, PricedLine, PricedShipping, TaxLine, share
from tests.commerce.baskets import baskets


@given(baskets())
def test_the_total_is_lines_less_discounts_and_shipping_and_a_tax_that_is_added(basket: Priced) -> None:
    discounts = sum(each.amount for each in basket.adjustments)
    added = 0 if basket.prices_include_tax else sum(tax.amount for tax in basket.tax_lines)
    assert basket.total == basket.subtotal - discounts + basket.shipping.price + added
    assert basket.amount_due == basket.total


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_shares_add_up_to_the_whole_and_are_fair_to_one_minor_unit(amount: int, weights: list[int]) -> None:
    shares = share(amount, weights)
    assert sum(shares) == amount
    whole = sum(weights)
    if whole:
        assert all(abs(part * whole - amount * weight) < whole for part, weight in zip(shares, weights, strict=True))


def test_a_tie_goes_to_the_earlier_and_without_weights_the_first_takes_all() -> None:
    assert share(2, [1, 1, 1]) == [1, 1, 0]
    assert share(5, [0, 0]) == [5, 0]
    with pytest.raises(ValueError, match=r"^at least one weight is needed$"):
        share(1, [])


def test_what_is_left_over_goes_to_the_largest_remainder_not_to_the_largest_share() -> None:
    assert share(8, [10, 3, 3]) == [5, 2, 1]


DESK = Line(UUID(int=1), UUID(int=2), UUID(int=3), "DESK-120", "Walnut desk", {}, unit_price=1000, quantity=1)
BASKET = Priced(
    currency="USD",
    prices_include_tax=False,
    lines=(PricedLine(DESK, discount=100, tax=171),),
    shipping=PricedShipping("standard", "Standard delivery", price=500, discount=0, tax=95),
    adjustments=(Adjustment("spring", "Spring", "order", 100),),
    tax_lines=(TaxLine("VAT", 190_000, base=1400, amount=266, included=False),),
)
NEGATIVE = "a price, discount or tax of this basket is negative, or a discount exceeds its price"
TAXES, DISCOUNTS = (
    "the taxes of the lines and of shipping do not add up to the order's tax",
    "the discounts of the lines and of shipping do not add up to the adjustments",
)
WRONG_TAX = "a tax is negative, or `included` contradicts `prices_include_tax`"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": (PricedLine(DESK, discount=1001, tax=171),)}, NEGATIVE),
        ({"lines": (PricedLine(DESK, discount=-1, tax=171),)}, NEGATIVE),
        ({"lines": (PricedLine(DESK, discount=100, tax=-1),)}, NEGATIVE),
        ({"shipping": replace(BASKET.shipping, discount=501)}, NEGATIVE),
        ({"shipping": replace(BASKET.shipping, tax=-1)}, NEGATIVE),
        ({"prices_include_tax": True}, WRONG_TAX),
        ({"tax_lines": (replace(BASKET.tax_lines[0], amount=-1),)}, WRONG_TAX),
        ({"lines": (PricedLine(DESK, discount=100, tax=172),)}, TAXES),
        ({"shipping": replace(BASKET.shipping, tax=96)}, TAXES),
        ({"tax_lines": ()}, TAXES),
        ({"lines": (PricedLine(DESK, discount=101, tax=171),)}, DISCOUNTS),
        ({"shipping": replace(BASKET.shipping, discount=1)}, DISCOUNTS),
        ({"adjustments": ()}, DISCOUNTS),
    ],
)
def test_a_basket_whose_parts_do_not_add_up_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        replace(BASKET, **changes)


def test_a_discount_may_take_everything_off() -> None:
    free = replace(
        BASKET,
        lines=(PricedLine(DESK, discount=1000),),
        shipping=replace(BASKET.shipping, discount=500, tax=0),
        adjustments=(Adjustment("gift", "Gift", "order", 1000), Adjustment("post", "Post", "shipping", 500)),
        tax_lines=(),
    )
    assert (free.subtotal, free.discount, free.total, free.amount_due) == (1000, 1000, 0, 0)


@given(baskets())
def test_refuses_a_basket_whose_parts_do_not_add_up(basket: Priced) -> None:
    first = basket.lines[0]
    for wrong in (
        replace(first, discount=first.line.subtotal + 1),
        replace(first, discount=first.discount + 1),
        replace(first, tax=first.tax + 1),
        replace(first, tax=-1),
    ):
        with pytest.raises(ValueError, match=r"negative|do not add up"):
            replace(basket, lines=(wrong, *basket.lines[1:]))
    if basket.tax_lines:
        with pytest.raises(ValueError, match="contradicts"):
            replace(basket, prices_include_tax=not basket.prices_include_tax)
