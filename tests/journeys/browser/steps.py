"""What people do in the shop again and again, as one step each. A step ends when its effect can be seen."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tools.shop.shopper import ADDRESS, CARD, PASSWORD, Shopper

_LABELS = {
    "Full name": "name",
    "Street address": "line1",
    "Postal code": "postal_code",
    "City": "city",
    "Country": "country",
}


async def put_into_cart(page: Page, product: dict[str, str]) -> None:
    """From anywhere: to the product's page, and one of it into the cart."""
    await page.goto(f"/products/{product['slug']}")
    await page.get_by_role("button", name="Add to cart", exact=True).click()
    await expect(page.get_by_role("link", name="View cart")).to_be_visible()


async def register_at_the_checkout(page: Page, email: str) -> None:
    await page.get_by_label("Name", exact=True).fill(ADDRESS["name"])
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create account and continue").click()
    await expect(page.get_by_label("Street address")).to_be_visible()


async def sign_in(page: Page, email: str, password: str = PASSWORD, then: str = "/") -> None:
    """From anywhere; ends on the page that was asked for."""
    await page.goto(f"/sign-in?next={then}")
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page).not_to_have_url(re.compile("/sign-in"))


async def to_the_checkout(page: Page, buyer: Shopper) -> None:
    """Signs in on the way; ends with a total that has been quoted for the address."""
    await sign_in(page, buyer.email, then="/checkout")
    await expect(page.get_by_role("button", name="Pay $")).to_be_enabled()
    async with page.expect_response("**/api/orders/quote"):
        await fill_in_the_address(page)


async def fill_in_the_address(page: Page) -> None:
    """The city comes last: with it the address is complete, and asked about as soon as it is left."""
    await page.get_by_label("Country").select_option(ADDRESS["country"])
    await page.get_by_label("Full name").fill(ADDRESS["name"])
    await page.get_by_label("Street address").fill(ADDRESS["line1"])
    await page.get_by_label("Postal code").fill(ADDRESS["postal_code"])
    await page.get_by_label("City").fill(ADDRESS["city"])
    await page.get_by_label("City").blur()


async def expect_the_address_as_typed(page: Page) -> None:
    for label, name in _LABELS.items():
        await expect(page.get_by_label(label)).to_have_value(ADDRESS[name])


async def to_the_payment_page(page: Page) -> None:
    await page.get_by_role("button", name="Pay $").click()
    await expect_the_payment_page(page)


async def expect_the_payment_page(page: Page) -> None:
    await expect(page.get_by_label("Card number")).to_be_visible()


async def pay_on_the_payment_page(page: Page, card: str = CARD) -> None:
    """Stripe's page, as the sandbox plays it. Where it leads depends on the card."""
    await page.get_by_label("Card number").fill(card)
    await page.get_by_label("Expires").fill("12 / 34")
    await page.get_by_label("CVC").fill("123")
    await page.get_by_label("Name on card").fill(ADDRESS["name"])
    await page.get_by_role("button", name="Pay $").click()


def order_of(page: Page) -> str:
    """The id of the order whose page is shown."""
    return page.url.partition("/orders/")[2].partition("?")[0]


async def expect_paid(page: Page) -> None:
    """Back in the shop, on the order's page, which turns paid by itself."""
    await expect(page.get_by_text("Thank you, your order is confirmed")).to_be_visible()
    await expect(page.get_by_role("link", name="Cart, empty")).to_be_visible()
