"""The demo purchases match the demo catalogue."""

from __future__ import annotations

from serai.chassis.ids import new_id
from serai.demo.products import PRODUCTS, SOLD_OUT
from serai.demo.purchases import ADDRESSES, DAYS_AGO, PURCHASES
from serai.product.catalogue.domain import slugs_of


def test_every_purchase_has_a_date_in_chronological_order() -> None:
    assert len(DAYS_AGO) == len(PURCHASES)
    assert list(DAYS_AGO) == sorted(DAYS_AGO, reverse=True)


def test_purchases_are_of_products_in_stock_and_of_customers_with_an_address() -> None:
    in_stock = {
        slugs_of(product.name, new_id())[0]
        for products in PRODUCTS.values()
        for product in products
        if product.name not in SOLD_OUT
    }
    for purchase in PURCHASES:
        assert purchase.lines.keys() <= in_stock
        assert purchase.buyer < len(ADDRESSES)
