"""A line of a basket: an offer in a quantity."""

from __future__ import annotations

from uuid import UUID

from serai.commerce.line import Line
from serai.commerce.money import Money
from serai.contracts.product.offers import Offer

PRODUCT, VARIANT, LINE = (UUID(int=number) for number in (1, 2, 3))
OFFER = Offer(VARIANT, PRODUCT, "DESK-120", "Walnut desk", {"width": "120 cm"}, Money(24_900, "USD"))


def test_a_line_is_sold_as_the_offer_says() -> None:
    assert Line.of(OFFER, 3, LINE) == Line(
        id=LINE,
        product_id=PRODUCT,
        variant_id=VARIANT,
        sku="DESK-120",
        name="Walnut desk",
        options={"width": "120 cm"},
        unit_price=24_900,
        quantity=3,
    )


def test_a_subtotal_is_the_price_of_all_units() -> None:
    assert Line.of(OFFER, 3, LINE).subtotal == 74_700
