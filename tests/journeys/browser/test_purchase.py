"""A purchase as a person makes it, in a real browser, on a desk and on a phone."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.browser import DESKTOP, PHONE, TIMEOUT_S, Visit
from tools.shop.shopper import AdminClient, until

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
async def test_a_visitor_finds_a_thing_orders_it_and_pays(
    visitor: Visitor, office: AdminClient, size: tuple[int, int]
) -> None:
    name = f"Walnut tray {uuid4().hex[:8]}"
    product = office.product(stock=3, price=4200, name=name)
    until(
        "the product to be found",
        lambda: office.http.get("/api/products", params={"q": product["name"]}).raise_for_status().json()["items"],
        timeout_s=TIMEOUT_S,
    )
    email = f"visitor-{uuid4().hex[:12]}@example.com"
    async with visitor(*size) as visit:
        page = visit.page
        await page.goto("/")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        search = page.get_by_role("searchbox", name="Search products")
        await search.fill(product["name"])
        await search.press("Enter")
        await page.get_by_role("link", name=product["name"]).click()
        await expect(page.get_by_role("heading", level=1, name=product["name"])).to_be_visible()
        await page.get_by_role("button", name="Add to cart", exact=True).click()
        await page.get_by_role("link", name="View cart").click()
        await expect(page.get_by_role("link", name="Cart, 1 item")).to_be_visible()
        await page.get_by_role("link", name="Check out").click()
        await steps.register_at_the_checkout(page, email)
        await steps.fill_in_the_address(page)
        await page.get_by_label("Delivery note (optional)").fill("<script>alert(1)</script>")
        await steps.to_the_payment_page(page)
        await steps.pay_on_the_payment_page(page)

        await expect(page.get_by_text("Thank you, your order is confirmed")).to_be_visible()
        await expect(page.get_by_role("heading", level=1, name="Order S-")).to_be_visible()
        await expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
        await expect(page.get_by_role("link", name="Cart, empty")).to_be_visible()
        order_id = steps.order_of(page)
        # The session lives in a cookie that scripts cannot see: it outlives a reload.
        await page.reload()
        await expect(page.get_by_role("heading", level=1, name="Order S-")).to_be_visible()
        assert not [value for value in await page.evaluate("Object.values(localStorage)") if len(str(value)) > 64]
        assert visit.problems == []

    order = office.http.get(f"/api/orders/{order_id}").raise_for_status().json()
    assert (order["status"], order["email"]) == ("paid", email)
    assert [entry["amount"] for entry in office.ledger(order_id)] == [order["total"]["amount"]]
    assert office.available(product) == 2


#: What somebody would try who got markup of theirs into a page. Ends when each has been refused.
_INTRUSION = """() => new Promise((done) => {
  const refused = new Set();
  document.addEventListener("securitypolicyviolation", (event) => {
    refused.add(event.effectiveDirective);
    if (refused.size === 4) done([...refused].sort());
  });
  const add = (tag, properties) => document.body.append(Object.assign(document.createElement(tag), properties));
  add("script", { textContent: "window.intruded = true" });
  add("img", { src: "https://elsewhere.example/pixel.png" });
  add("iframe", { src: "https://elsewhere.example/" });
  fetch("https://elsewhere.example/").catch(() => undefined);
})"""


async def test_a_page_runs_nothing_that_is_not_the_shop_s_and_asks_nobody_else(
    visitor: Visitor,
) -> None:
    async with visitor() as visit:
        await visit.page.goto("/products")
        await expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        assert visit.problems == []
        refused = await visit.page.evaluate(_INTRUSION)
        assert refused == ["connect-src", "frame-src", "img-src", "script-src-elem"]
        assert await visit.page.evaluate("window.intruded") is None
        # And a visit notices such things, whoever causes them.
        await _noticed(visit, "Content Security Policy")
        await visit.page.evaluate("fetch('/api/nothing')")
        await _noticed(visit, "/api/nothing: 404")
        # What a journey is about is no trouble, unless it does not happen.
        visit.expect_refusal("GET /api/nobody", 404)
        assert visit.problems[-1] == "GET /api/nobody: no 404, 1 expected"
        async with visit.page.expect_response("**/api/nobody"):
            await visit.page.evaluate("fetch('/api/nobody')")
        assert not [trouble for trouble in visit.problems if "/api/nobody" in trouble]


async def _noticed(visit: Visit, words: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not any(words in trouble for trouble in visit.problems):
            await asyncio.sleep(0.05)
