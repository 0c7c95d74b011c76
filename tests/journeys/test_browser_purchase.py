"""A purchase as a person makes it, in a real browser, on a desk and on a phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from tests.browser import PATIENCE_S, Visit, chromium, visit
from tests.shopper import ADDRESS, CARD, PASSWORD, Office, until
from tests.system import System

expect.set_options(timeout=PATIENCE_S * 1000)
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
async def test_a_visitor_finds_a_thing_orders_it_and_pays(
    system: System, browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    office = Office(system)
    name = f"Walnut tray {uuid4().hex[:8]}"
    product = office.product(stock=3, price=4200, name=name)
    until(
        "the product to be found",
        lambda: office.http.get("/api/products", params={"q": product["name"]}).raise_for_status().json()["items"],
        timeout_s=PATIENCE_S,
    )
    email = f"visitor-{uuid4().hex[:12]}@example.com"
    async with visit(browser, f"http://localhost:{system.port}", width, height, tmp_path) as visitor:
        page = visitor.page
        await page.goto("/")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        search = page.get_by_role("searchbox", name="Search the shop")
        await search.fill(product["name"])
        await search.press("Enter")
        await page.get_by_role("link", name=product["name"]).click()
        await expect(page.get_by_role("heading", level=1, name=product["name"])).to_be_visible()
        await page.get_by_role("button", name="Add to cart", exact=True).click()
        await page.get_by_role("link", name="To the cart").click()
        await expect(page.get_by_role("link", name="Cart, 1 item")).to_be_visible()
        await page.get_by_role("link", name="Check out").click()

        await page.get_by_label("Name", exact=True).fill(ADDRESS["name"])
        await page.get_by_label("Email address").fill(email)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Create account and go on").click()

        await page.get_by_label("Street and number").fill(ADDRESS["line1"])
        await page.get_by_label("Postal code").fill(ADDRESS["postal_code"])
        await page.get_by_label("City").fill(ADDRESS["city"])
        await page.get_by_label("Country").select_option(ADDRESS["country"])
        await page.get_by_label("Full name").fill(ADDRESS["name"])
        await page.get_by_label("Note for the delivery (optional)").fill("<script>alert(1)</script>")
        await page.get_by_role("button", name="Pay $").click()

        # Stripe's page, as the sandbox plays it.
        await page.get_by_label("Card number").fill(CARD)
        await page.get_by_label("Expires").fill("12 / 34")
        await page.get_by_label("CVC").fill("123")
        await page.get_by_label("Name on card").fill(ADDRESS["name"])
        await page.get_by_role("button", name="Pay $").click()

        await expect(page.get_by_text("Thank you, your order is paid")).to_be_visible()
        await expect(page.get_by_role("heading", level=1, name="Order S-")).to_be_visible()
        await expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
        await expect(page.get_by_role("link", name="Cart, empty")).to_be_visible()
        order_id = page.url.partition("/orders/")[2].partition("?")[0]
        # The session lives in a cookie that scripts cannot see: it outlives a reload.
        await page.reload()
        await expect(page.get_by_role("heading", level=1, name="Order S-")).to_be_visible()
        assert not [value for value in await page.evaluate("Object.values(localStorage)") if len(str(value)) > 64]
        assert visitor.troubles == []

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
    system: System, browser: Browser, tmp_path: Path
) -> None:
    async with visit(browser, f"http://localhost:{system.port}", 1280, 900, tmp_path) as visitor:
        await visitor.page.goto("/products")
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        assert visitor.troubles == []
        refused = await visitor.page.evaluate(_INTRUSION)
        assert refused == ["connect-src", "frame-src", "img-src", "script-src-elem"]
        assert await visitor.page.evaluate("window.intruded") is None
        # And a visit notices such things, whoever causes them.
        await _noticed(visitor, "Content Security Policy")
        await visitor.page.evaluate("fetch('/api/nothing')")
        await _noticed(visitor, "/api/nothing: 404")


async def _noticed(visitor: Visit, words: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not any(words in trouble for trouble in visitor.troubles):
            await asyncio.sleep(0.05)
