"""The shop is away, the network is, or the address is wrong: each page says which, and what to do about it."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from playwright.async_api import Route, expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.shopper import AdminClient, Shopper
from tools.shop.system import System

pytestmark = pytest.mark.timeout(600)

#: A read is repeated twice, and a change once, before anybody is told.
READS, CHANGES = 3, 2
PRODUCTS = "**/api/products?*"


async def test_a_wrong_product_address_says_so_and_leads_on(visitor: Visitor) -> None:
    nothing = f"no-such-lamp-{uuid4().hex[:8]}"
    async with visitor() as visit:
        page = visit.page
        visit.expect_refusal(f"GET /api/products/{nothing}", 404)
        await page.goto(f"/products/{nothing}")
        await expect(page.get_by_role("heading", level=1, name="We can’t find this product")).to_be_visible()
        await expect(page).to_have_title("Not found · Serai")
        await page.get_by_role("link", name="Browse products").click()
        await expect(page.get_by_role("heading", level=1, name="All products")).to_be_visible()
        await visit.assert_as_expected()


async def test_somebody_else_s_order_is_not_there(
    visitor: Visitor, system: System, office: AdminClient, buyer: Shopper
) -> None:
    somebody = Shopper(system)
    somebody.add(office.product(stock=1)).raise_for_status()
    order_id = somebody.placed()["id"]
    async with visitor() as visit:
        page = visit.page
        visit.expect_refusal(f"GET /api/orders/{order_id}", 404)
        await steps.sign_in(page, buyer.email, then=f"/orders/{order_id}")
        await expect(page.get_by_role("heading", level=1, name="We can’t find this order")).to_be_visible()
        await expect(page).to_have_title("We can’t find this order · Serai")
        await expect(page.get_by_role("main").get_by_role("link", name="Your orders")).to_be_visible()
        await visit.assert_as_expected()


async def test_products_that_cannot_be_loaded_are_asked_for_again(visitor: Visitor) -> None:
    async with visitor() as visit:
        page = visit.page
        await page.route(PRODUCTS, lambda route: route.abort())
        visit.expect_refusal("GET /api/products", "net::ERR_FAILED", times=READS)
        await page.goto("/products")
        failure = page.get_by_role("alert").filter(has_text="We can’t reach the shop")
        await expect(failure).to_be_visible()
        await page.unroute(PRODUCTS)
        await failure.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("article").first).to_be_visible()
        await expect(failure).to_be_hidden()
        await visit.assert_as_expected()


async def test_a_fault_of_ours_is_owned_up_to_with_a_number_to_tell(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    buyer.add(office.product(stock=1)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        quote = "**/api/orders/quote"
        await page.route(quote, _unavailable)
        visit.expect_refusal("POST /api/orders/quote", 503, times=READS)
        await steps.sign_in(page, buyer.email, then="/checkout")
        failure = page.get_by_role("alert").filter(has_text="Something went wrong on our end")
        await expect(failure).to_contain_text("contact us with this reference: 0af7651916cd43dd")
        await page.unroute(quote)
        await failure.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("button", name="Pay $25.00")).to_be_enabled()
        await expect(failure).to_be_hidden()
        await visit.assert_as_expected()


async def test_who_is_offline_is_told_so_and_goes_on_later(visitor: Visitor, office: AdminClient) -> None:
    lamp = office.product(stock=3)
    async with visitor() as visit:
        page = visit.page
        await page.goto(f"/products/{lamp['slug']}")
        add = page.get_by_role("button", name="Add to cart", exact=True)
        await expect(add).to_be_visible()
        await page.wait_for_load_state("networkidle")

        await page.context.set_offline(True)
        await expect(page.get_by_role("status").filter(has_text="You’re offline")).to_be_visible()
        visit.expect_refusal("POST /api/cart/items", "net::ERR_INTERNET_DISCONNECTED", times=CHANGES)
        await add.click()
        await expect(page.get_by_role("alert").filter(has_text="You’re offline")).to_be_visible()

        await page.context.set_offline(False)
        await expect(page.get_by_role("status").filter(has_text="You’re offline")).to_be_hidden()
        await add.click()
        await expect(page.get_by_role("link", name="Cart, 1 item")).to_be_visible()
        await visit.assert_as_expected()


async def _unavailable(route: Route) -> None:
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Try again in a moment.",
        "code": "unavailable",
        "request_id": "0af7651916cd43dd",
    }
    await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))
