"""The cart in a real browser: sold out under somebody's hands, in two tabs at once, and a guest's at the sign-in."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.shopper import AdminClient, Shopper
from tools.shop.system import System

pytestmark = pytest.mark.timeout(600)


async def test_a_cart_whose_last_unit_went_to_somebody_else_says_so_and_what_to_do(
    visitor: Visitor, system: System, office: AdminClient, buyer: Shopper
) -> None:
    vase, lamp = office.product(stock=1, name="Last vase"), office.product(stock=5)
    for product in (vase, lamp):
        buyer.add(product).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await steps.sign_in(page, buyer.email)
        await expect(page.get_by_role("link", name="Cart, 2 items")).to_be_visible()
        _buys(Shopper(system), vase)

        await page.goto("/cart")
        await expect(page.get_by_text("Sold out. Remove it to continue.")).to_be_visible()
        await expect(page.get_by_role("button", name="Check out")).to_be_disabled()

        # Who goes there all the same is told as well, and can go on from there.
        visit.expect_refusal("POST /api/orders/quote", 409)
        await page.goto("/checkout")
        refusal = page.get_by_role("alert").filter(has_text="Not enough in stock")
        await expect(refusal).to_contain_text(f"{vase['name']}: sold out")
        await expect(page.get_by_role("button", name="Pay", exact=True)).to_be_disabled()
        await refusal.get_by_role("button", name="Remove sold-out items").click()
        await expect(page.get_by_role("button", name="Pay $25.00")).to_be_enabled()
        await expect(refusal).to_be_hidden()
        await expect(page.get_by_role("link", name="Cart, 1 item")).to_be_visible()
        await visit.assert_as_expected()
    assert [line["product_id"] for line in buyer.cart()["items"]] == [lamp["id"]]


async def test_a_change_in_one_tab_shows_in_the_other(visitor: Visitor, office: AdminClient) -> None:
    lamp = office.product(stock=5)
    async with visitor() as visit:
        first, second = visit.page, await visit.open_tab()
        await steps.put_into_cart(first, lamp)
        await second.goto("/cart")
        await expect(_quantity(second, lamp)).to_have_value("1")

        await first.get_by_role("button", name="Add to cart", exact=True).click()
        await expect(_quantity(second, lamp)).to_have_value("2")
        await expect(second.get_by_role("link", name="Cart, 2 items")).to_be_visible()
        await second.get_by_role("button", name=f"Remove {lamp['name']}").click()
        await expect(first.get_by_role("link", name="Cart, empty")).to_be_visible()
        await visit.assert_as_expected()


async def test_a_second_checkout_of_the_cart_leads_to_the_order_that_is_open(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    buyer.add(office.product(stock=2)).raise_for_status()
    async with visitor() as visit:
        first, second = visit.page, await visit.open_tab()
        await steps.to_the_checkout(first, buyer)
        await second.goto("/checkout")
        await steps.fill_in_the_address(second)
        await steps.to_the_payment_page(first)

        visit.expect_refusal("POST /api/orders", 409)
        await second.get_by_role("button", name="Pay $").click()
        await expect(second.get_by_role("alert")).to_contain_text("You already have an open order")
        await second.get_by_role("link", name="View order").click()
        await expect(second.get_by_text("Payment needed")).to_be_visible()
        await steps.to_the_payment_page(second)
        assert second.url == first.url, "one payment, whichever tab it is paid from"

        await steps.pay_on_the_payment_page(second)
        await steps.expect_paid(second)
        order_id = steps.order_of(second)
        # The first tab still shows the card form; its button leads to the paid order.
        await steps.pay_on_the_payment_page(first)
        await steps.expect_paid(first)
        await visit.assert_as_expected()
    assert [order["id"] for order in buyer.http.get("/api/orders").json()["items"]] == [order_id]
    assert len(office.ledger(order_id)) == 1


async def test_what_a_guest_put_in_is_added_to_their_own_cart_at_the_sign_in(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    lamp, vase = office.product(stock=9), office.product(stock=9, name="Test vase")
    buyer.add(lamp, 2).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await steps.put_into_cart(page, lamp)
        await steps.put_into_cart(page, vase)
        await expect(page.get_by_role("link", name="Cart, 2 items")).to_be_visible()

        await steps.sign_in(page, buyer.email, then="/cart")
        await expect(page.get_by_role("link", name="Cart, 4 items")).to_be_visible()
        await expect(_quantity(page, lamp)).to_have_value("3")
        await expect(_quantity(page, vase)).to_have_value("1")
        # Once, however often the page is loaded.
        await page.reload()
        await expect(page.get_by_role("link", name="Cart, 4 items")).to_be_visible()
        await visit.assert_as_expected()
    assert sorted(line["quantity"] for line in buyer.cart()["items"]) == [1, 3]


def _quantity(page: Page, product: dict[str, str]) -> Locator:
    return page.get_by_role("textbox", name=f"Quantity of {product['name']}")


def _buys(somebody: Shopper, product: dict[str, str]) -> None:
    """They hold it from now on; whether they pay in the end is another matter."""
    somebody.add(product).raise_for_status()
    somebody.placed()
