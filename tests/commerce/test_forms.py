"""The wire and stored forms of a priced basket."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest
from hypothesis import given

from serai.commerce import forms
from serai.commerce.forms import DiscountOut, LineOut, PricedOut, TaxLineOut
from serai.commerce.money import Money
from serai.commerce.priced import Priced
from tests.commerce.baskets import baskets

#: What each version stored, as it stood in a database. These lines never change.
STORED = {
    "engine 0, carried over from separate columns": """
        {"engine": 0, "currency": "USD", "prices_include_tax": false, "adjustments": [],
         "lines": [{"id": "5c7c2f4e-9d8a-4d51-b8a6-6f1a3f1f5d10", "product_id": "01a21a4d-0000-7000-8000-000000000001",
                    "variant_id": "01a21a4d-0000-7000-8000-000000000002", "sku": "DESK-120", "name": "Walnut desk",
                    "options": {"width": "120 cm"}, "unit_price": 24900, "quantity": 2, "discount": 0, "tax": 9462}],
         "shipping": {"method": "standard", "name": "standard", "price": 500, "discount": 0, "tax": 95},
         "tax_lines": [{"name": "VAT", "rate": 190000, "base": 50300, "amount": 9557, "included": false}]}""",
    "engine 1": """
        {"engine": 1, "currency": "EUR", "prices_include_tax": true,
         "lines": [{"id": "5c7c2f4e-9d8a-4d51-b8a6-6f1a3f1f5d10", "product_id": "01a21a4d-0000-7000-8000-000000000001",
                    "variant_id": "01a21a4d-0000-7000-8000-000000000002", "sku": "DESK-120", "name": "Walnut desk",
                    "options": {}, "unit_price": 24900, "quantity": 2, "discount": 4980, "tax": 7156}],
         "shipping": {"method": "standard", "name": "Standard delivery", "price": 500, "discount": 0, "tax": 80},
         "adjustments": [{"rule": "spring", "name": "Spring", "level": "order", "amount": 4980, "code": "SPRING"}],
         "tax_lines": [{"name": "VAT", "rate": 190000, "base": 38084, "amount": 7236, "included": true}],
         "added_by_a_later_version": {"is": "ignored"}}""",
}
TOTALS = {"engine 0, carried over from separate columns": 59857, "engine 1": 45320}


@pytest.mark.parametrize("version", STORED)
def test_reads_every_version_that_was_ever_stored(version: str) -> None:
    assert forms.from_stored(json.loads(STORED[version])).total == TOTALS[version]


@given(baskets())
def test_what_is_stored_comes_back_as_it_was(basket: Priced) -> None:
    document = json.loads(msgspec.json.encode(forms.to_stored(basket)))
    assert forms.from_stored(document) == basket


@given(baskets())
def test_the_wire_adds_up_by_its_own_fields(basket: Priced) -> None:
    shown = forms.to_wire(basket)
    assert shown.subtotal.amount == sum(item.total.amount for item in shown.items)
    discounts = sum(discount.amount.amount for discount in shown.discounts)
    added = 0 if shown.prices_include_tax else shown.tax.amount
    assert shown.total.amount == shown.subtotal.amount - discounts + shown.shipping.amount + added
    assert shown.tax.amount == sum(tax.amount.amount for tax in shown.tax_lines)
    assert all(tax.included is shown.prices_include_tax for tax in shown.tax_lines)


def test_the_wire_shows_every_line_discount_and_tax_of_a_basket() -> None:
    def money(amount: int) -> Money:
        return Money(amount, "EUR")

    assert forms.to_wire(forms.from_stored(json.loads(STORED["engine 1"]))) == PricedOut(
        items=[
            LineOut(
                line_id=UUID("5c7c2f4e-9d8a-4d51-b8a6-6f1a3f1f5d10"),
                product_id=UUID("01a21a4d-0000-7000-8000-000000000001"),
                variant_id=UUID("01a21a4d-0000-7000-8000-000000000002"),
                sku="DESK-120",
                name="Walnut desk",
                options={},
                quantity=2,
                unit_price=money(24900),
                total=money(49800),
                discount=money(4980),
                tax=money(7156),
            )
        ],
        subtotal=money(49800),
        discounts=[DiscountOut("spring", "Spring", "SPRING", "order", money(4980))],
        shipping=money(500),
        shipping_method="standard",
        tax=money(7236),
        tax_lines=[TaxLineOut("VAT", "19", 1900, money(38084), money(7236), included=True)],
        prices_include_tax=True,
        total=money(45320),
    )


@pytest.mark.parametrize(("rate", "basis_points"), [(190_000, 1900), (48_750, 488), (48_749, 487), (49, 0), (50, 1)])
def test_a_rate_in_basis_points_is_rounded_half_up(rate: int, basis_points: int) -> None:
    basket = forms.from_stored(json.loads(STORED["engine 1"]))
    (line,) = forms.to_wire(replace(basket, tax_lines=(replace(basket.tax_lines[0], rate=rate),))).tax_lines
    assert line.basis_points == basis_points
    assert type(line.basis_points) is int


def test_a_quote_has_no_ids_of_lines() -> None:
    basket = forms.from_stored(json.loads(STORED["engine 1"]))
    assert [item.line_id for item in forms.to_wire(basket, quoted=True).items] == [None]
    assert [item.line_id for item in forms.to_wire(basket).items] == [basket.lines[0].line.id]


@pytest.mark.parametrize(
    ("rate", "shown"), [(0, "0"), (190_000, "19"), (48_750, "4.875"), (55_000, "5.5"), (100_000, "10"), (7, "0.0007")]
)
def test_a_rate_is_shown_in_percent_without_needless_zeros(rate: int, shown: str) -> None:
    assert forms.percent(rate) == shown
