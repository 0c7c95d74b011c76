"""Priced baskets: every sum is of its parts, and no part is negative."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.charge import charge_lines
from serai.commerce.priced import Priced, share
from tests.commerce.baskets import baskets


@given(baskets())
def test_the_total_is_lines_less_discounts_and_shipping_and_a_tax_that_is_added(basket: Priced) -> None:
    discounts = sum(each.amount for each in basket.adjustments)
    added = 0 if basket.prices_include_tax else sum(tax.amount for tax in basket.tax_lines)
    assert basket.total == basket.subtotal - discounts + basket.shipping.price + added
    assert basket.amount_due == basket.total


@given(baskets())
def test_a_payment_page_shows_lines_that_add_up_to_what_is_due_and_none_is_negative(basket: Priced) -> None:
    lines = charge_lines(basket)
    assert sum(line.quantity * line.unit_amount for line in lines) == basket.amount_due
    assert all(line.unit_amount >= 0 and line.quantity >= 1 for line in lines)


@given(baskets())
def test_a_payment_page_shows_each_unit_where_a_line_can_be_divided(basket: Priced) -> None:
    for shown, line in zip(charge_lines(basket), basket.lines, strict=False):
        if line.net_of_discount % line.line.quantity:
            assert (shown.name, shown.quantity) == (f"{line.line.quantity} × {line.line.name}", 1)
        else:
            assert (shown.name, shown.quantity) == (line.line.name, line.line.quantity)


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
    with pytest.raises(ValueError, match="nobody"):
        share(1, [])


@given(baskets())
def test_refuses_a_basket_whose_parts_do_not_add_up(basket: Priced) -> None:
    first = basket.lines[0]
    for wrong in (
        replace(first, discount=first.line.subtotal + 1),
        replace(first, discount=first.discount + 1),
        replace(first, tax=first.tax + 1),
        replace(first, tax=-1),
    ):
        with pytest.raises(ValueError, match=r"negative|are not the order's"):
            replace(basket, lines=(wrong, *basket.lines[1:]))
    if basket.tax_lines:
        with pytest.raises(ValueError, match="without tax"):
            replace(basket, prices_include_tax=not basket.prices_include_tax)
