"""The shop without a mouse: only what the keyboard can do, and always to be seen where it is."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.browser.conftest import Visitor
from tools.shop.browser import PHONE, TIMEOUT_S, until_true
from tools.shop.pages import be_signed_in
from tools.shop.shopper import ADDRESS, CARD, PASSWORD, AdminClient, Shopper, until
from tools.shop.system import System

pytestmark = pytest.mark.timeout(900)

#: More stops than any page has between two things that somebody wants.
_MOST_STOPS = 60
_FRAMES = 30
#: Whether the browser, or the page in its stead, draws something around what has the focus: around itself, what lies
#: over it, what stands for it, or the label it is in.
_SEEN = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "";
  const drawn = (element, part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element, part);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  };
  const places = [[at], [at, "::after"], [at.nextElementSibling], [at.closest("label")], [at.parentElement]];
  const seen = places.some(([element, part]) => element && drawn(element, part));
  const { top, bottom } = at.getBoundingClientRect();
  if (!seen) return "no sign of the focus: " + at.outerHTML.slice(0, 200);
  return bottom > 0 && top < innerHeight ? "" : "out of sight: " + at.outerHTML.slice(0, 200);
}"""


async def expect_to_be_seen(page: Page) -> None:
    """At once, or after the frame that what slides into view takes."""
    for _ in range(_FRAMES):
        wrong = await page.evaluate(_SEEN)
        if not wrong:
            return
        await page.evaluate("new Promise(requestAnimationFrame)")
    raise AssertionError(wrong)


async def tab_to(page: Page, wanted: Locator) -> None:
    """With Tab alone; every stop on the way has to be seen."""
    await expect(wanted).to_be_visible()
    passed = []
    for _ in range(_MOST_STOPS):
        await page.keyboard.press("Tab")
        await expect_to_be_seen(page)
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        passed.append(await page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    raise AssertionError(f"{wanted} is not reached: {passed}")


async def expect_to_be_at_the_content(page: Page) -> None:
    """As after a full load: the next Tab is the first thing of the page itself."""
    await expect(page.get_by_role("main")).to_be_focused()


async def enter(page: Page, label: str, text: str) -> None:
    await tab_to(page, page.get_by_label(label, exact=True))
    await page.keyboard.type(text)


async def test_somebody_without_a_mouse_buys_the_thing_in_the_colour_they_want(
    visitor: Visitor, office: AdminClient
) -> None:
    sku, price = f"KEY-{uuid4().hex[:8]}", {"amount": 1900, "currency": "USD"}
    variants = [
        {"sku": f"{sku}-{colour}", "price": price, "stock": stock, "options": {"colour": colour}}
        for colour, stock in (("ash", 3), ("coal", 0), ("moss", 3))
    ]
    options = [{"name": "colour", "values": ["ash", "coal", "moss"]}]
    name = f"Wool throw {sku}"
    product = {"name": name, "options": options, "variants": variants}
    office.http.post("/api/products", json=product).raise_for_status()
    ask = {"q": sku}
    until("it to be found", lambda: office.http.get("/api/products", params=ask).json()["items"], timeout_s=TIMEOUT_S)
    async with visitor() as visit:
        page = visit.page
        await page.goto("/")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect_to_be_at_the_content(page)
        await tab_to(page, page.get_by_role("link", name="Browse products"))
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/products$"))
        await expect_to_be_at_the_content(page)

        # Back to the header: the search is before the content.
        search = page.get_by_role("searchbox", name="Search products")
        await page.reload()
        await tab_to(page, search)
        await page.keyboard.type(sku)
        await expect(page).to_have_url(re.compile(sku))
        await expect(search).to_be_focused()
        await tab_to(page, page.get_by_role("link", name=name))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        await expect_to_be_at_the_content(page)

        await tab_to(page, page.get_by_role("radio", name="ash"))
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("radio", name="moss")).to_be_checked()
        await tab_to(page, page.get_by_role("button", name="Increase quantity"))
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_role("button", name="Add to cart", exact=True))
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("link", name="View cart"))
        await page.keyboard.press("Enter")
        await expect_to_be_at_the_content(page)
        await tab_to(page, page.get_by_role("link", name="Check out"))
        await page.keyboard.press("Enter")

        await expect_to_be_at_the_content(page)
        await enter(page, "Name", ADDRESS["name"])
        await enter(page, "Email address", f"keys-{uuid4().hex[:12]}@example.com")
        await enter(page, "Password", PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Street address")).to_be_visible()
        await expect_to_be_at_the_content(page)
        await enter(page, "Street address", ADDRESS["line1"])
        await enter(page, "Postal code", ADDRESS["postal_code"])
        await enter(page, "City", ADDRESS["city"])
        # A list is chosen from by typing what one looks for.
        await enter(page, "Country", "Uzb")
        await expect(page.get_by_label("Country")).to_have_value("UZ")
        await tab_to(page, page.get_by_role("button", name="Pay $38.00"))
        await expect(page.get_by_role("button", name="Pay $38.00")).to_be_enabled()
        await page.keyboard.press("Enter")

        # Stripe's page, as the sandbox plays it.
        await expect(page.get_by_label("Card number")).to_be_visible()
        for label, text in (("Card number", CARD), ("Expires", "1234"), ("CVC", "123"), ("Name on card", "Ada Quill")):
            await _type_on_the_payment_page(page, label, text)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Thank you, your order is confirmed")).to_be_visible()
        await expect(page.get_by_text(f"moss · {sku}-moss")).to_be_visible()
        assert visit.problems == []


async def _type_on_the_payment_page(page: Page, label: str, text: str) -> None:
    for _ in range(_MOST_STOPS):
        await page.keyboard.press("Tab")
        if await page.get_by_label(label).evaluate("(element) => element === document.activeElement"):
            await page.keyboard.type(text)
            return
    raise AssertionError(f"{label} is not reached")


async def test_what_opens_takes_the_focus_and_gives_it_back_with_escape(
    system: System, visitor: Visitor, office: AdminClient
) -> None:
    buyer = Shopper(system)
    buyer.add(office.product(stock=2)).raise_for_status()
    order = buyer.placed()
    async with visitor(*PHONE) as visit:
        page = visit.page
        await be_signed_in(page.context, buyer.email)
        await page.goto("/products")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        for opener in (page.get_by_role("button", name="Menu", exact=True), page.get_by_role("button", name="Filter")):
            # Twice: what comes with the first opening is there at the second.
            for _ in range(2):
                await _opens_and_closes(page, opener)
        account = page.get_by_role("button", name="Account of")
        await account.focus()
        await page.keyboard.press("Enter")
        await _down_to(page, page.get_by_role("menuitem", name="Settings"))
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("menu")).to_have_count(0)
        await expect(account).to_be_focused()
        await page.keyboard.press("Enter")
        await _down_to(page, page.get_by_role("menuitem", name="Your orders"))
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/orders$"))
        await expect_to_be_at_the_content(page)
        await page.goto(f"/orders/{order['id']}")
        await _opens_and_closes(page, page.get_by_role("button", name="Cancel order"))
        # What a button takes away with itself leaves the focus on the page.
        await page.goto("/cart")
        await tab_to(page, page.get_by_role("button", name="Remove Test lamp"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Your cart is empty")).to_be_visible()
        await expect_to_be_at_the_content(page)
        assert visit.problems == []
    assert buyer.order(order["id"])["status"] == "awaiting_payment"


async def _down_to(page: Page, item: Locator) -> None:
    await expect(item).to_be_visible()
    for _ in range(_MOST_STOPS):
        await page.keyboard.press("ArrowDown")
        if await item.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"{item} is not reached")


async def _opens_and_closes(page: Page, opener: Locator) -> None:
    await opener.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await until_true(page, "document.activeElement.closest('[role=dialog]') !== null")
    # Round and round in it, and not out of it.
    for _ in range(15):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(opener).to_be_focused()
