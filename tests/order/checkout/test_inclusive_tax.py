"""Prices that include their taxes: the buyer pays what the shop shows."""

from __future__ import annotations

from dataclasses import replace

from serai.order.checkout.saga import CheckoutSaga
from serai.order.checkout.steps import Steps
from tests.order.checkout.shop import PRICE, RULES, Shop, usd

INCLUSIVE = replace(RULES, prices_include_tax=True)


async def test_an_order_is_charged_the_shown_prices_and_says_which_part_is_tax(shop: Shop) -> None:
    steps = Steps(shop.db, shop.feed, INCLUSIVE, shop.cart, shop.product, shop.payment)
    deps = replace(shop.deps, rules=INCLUSIVE, checkout=CheckoutSaga(shop.db, shop.feed, steps))
    shop.fill_cart(2)
    order = (await shop.place(deps=deps)).order
    assert (order.subtotal, order.shipping, order.total) == (usd(2 * PRICE), usd(500), usd(2500))
    assert (order.tax, order.prices_include_tax) == (usd(227), True)
    [tax] = order.tax_lines
    assert (tax.name, tax.rate, tax.base, tax.amount, tax.included) == ("VAT", "10", usd(2273), usd(227), True)
    asked = shop.payment.asked(order.id)
    assert asked.amount == usd(2500)
    assert sum(line.quantity * line.unit_price.amount for line in asked.lines) == 2500
    assert [line.name for line in asked.lines] == ["Walnut desk", "Shipping"]
