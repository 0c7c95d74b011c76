"""What the people who run the shop do in the office, and what a buyer sees of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from serai.product.media.pictures import MAX_FILE_BYTES
from serai.topology import WEB_PAGES
from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.browser import TIMEOUT_S, Visit
from tools.shop.pages import be_signed_in
from tools.shop.shopper import ADDRESS, PASSWORD, AdminClient, Shopper, pay, until
from tools.shop.system import System

pytestmark = pytest.mark.timeout(900)


async def as_admin(visit: Visit, system: System) -> Page:
    login = system.login("admin")
    await be_signed_in(visit.page.context, login["email"], login["password"])
    return visit.page


def bought(office: AdminClient, buyer: Shopper, product: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A paid order whose goods are booked, so that it can be shipped."""
    buyer.add(product).raise_for_status()
    order = buyer.placed(**more)
    pay(order)
    paid = buyer.order_when(order["id"], "paid", timeout_s=TIMEOUT_S)
    until("the goods to be booked", lambda: office.stock(product)["held"] == 0, timeout_s=TIMEOUT_S)
    return paid


def found_by(office: AdminClient, words: str) -> None:
    ask = {"q": words}
    until("it to be found", lambda: office.http.get("/api/products", params=ask).json()["items"], timeout_s=TIMEOUT_S)


async def add_variant(page: Page, number: int, size: str, sku: str, price: str, stock: str) -> None:
    variant = page.get_by_role("group", name=f"Variant {number}")
    await variant.get_by_label("size").select_option(size)
    await variant.get_by_label("SKU").fill(sku)
    await variant.get_by_label("Price").fill(price)
    await variant.get_by_label("In stock").fill(stock)


async def upload(page: Page, *files: Path) -> None:
    await page.get_by_label(re.compile("Drop pictures")).set_input_files(list(files))


async def test_an_admin_makes_a_product_with_pictures_and_a_shopper_buys_the_size_that_fits(
    system: System, visitor: Visitor, office: AdminClient, tmp_path: Path
) -> None:
    name, sku = f"Felt slippers {uuid4().hex[:8]}", f"FELT-{uuid4().hex[:8].upper()}"
    front, side = tmp_path / "front.jpg", tmp_path / "side.png"
    Image.new("RGB", (900, 900), (150, 90, 60)).save(front)
    Image.new("RGB", (640, 480), (60, 90, 150)).save(side)
    async with visitor() as visit:
        page = await as_admin(visit, system)
        await page.goto("/admin/products")
        await page.get_by_role("link", name="New product").click()
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Description").fill("Warm feet, quiet steps.")
        await page.get_by_role("combobox", name="Category").fill("clothing")
        await page.get_by_label("Status").select_option("draft")
        await page.get_by_role("button", name="Add option").click()
        await page.get_by_label("Option", exact=True).fill("size")
        await page.get_by_label("Values, separated by commas").fill("S, M, L")
        await page.get_by_role("button", name="Add variant").click()
        await page.get_by_role("button", name="Add variant").click()
        for number, (size, price, stock) in enumerate((("S", "39", "0"), ("M", "39", "5"), ("L", "42.50", "2")), 1):
            await add_variant(page, number, size, f"{sku}-{size}", price, stock)
        await page.get_by_role("button", name="Create product").click()
        await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()

        await upload(page, front, side)
        await expect(page.get_by_role("button", name="Delete picture 2")).to_be_visible()
        found = office.http.get("/api/products", params={"q": name, "status": "draft"}).raise_for_status().json()
        assert [product["name"] for product in found["items"]] == [name]
        await page.get_by_label("Status").select_option("active")
        await page.get_by_role("button", name="Save changes").click()
        await expect(page.get_by_role("link", name="View in shop")).to_be_visible()
        # What has been saved is there after a full load as well.
        await page.reload()
        await expect(page.get_by_label("Name", exact=True)).to_have_value(name)
        await expect(page.get_by_role("button", name="Delete picture 2")).to_be_visible()
        assert visit.problems == []

    found_by(office, name)
    shopper = Shopper(system)
    async with visitor() as visit:
        page = visit.page
        await be_signed_in(page.context, shopper.email)
        await page.goto("/products")
        await page.get_by_role("searchbox", name="Search products").fill(name)
        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        large = page.get_by_role("img", name=name).first
        await expect(large).to_be_visible()
        before = await large.get_attribute("src")
        await page.get_by_role("button", name="Picture 2").click()
        await expect(large).not_to_have_attribute("src", before or "")
        await expect(page.get_by_role("radio", name="S (sold out)")).to_be_disabled()
        await page.get_by_role("radio", name="L", exact=True).check(force=True)
        await expect(page.get_by_text("$42.50")).to_be_visible()
        await expect(page.get_by_text("Only 2 left")).to_be_visible()
        await page.get_by_role("button", name="Add to cart", exact=True).click()
        await page.get_by_role("link", name="View cart").click()
        await page.get_by_role("link", name="Check out").click()
        await steps.fill_in_the_address(page)
        await steps.to_the_payment_page(page)
        await steps.pay_on_the_payment_page(page)
        await expect(page.get_by_text("Thank you, your order is confirmed")).to_be_visible()
        order = shopper.order(steps.order_of(page))
        assert visit.problems == []
    assert [(item["sku"], item["options"]) for item in order["items"]] == [(f"{sku}-L", {"size": "L"})]
    assert order["total"]["amount"] == 4250


async def test_the_buyer_sees_what_was_shipped_and_what_was_given_back(
    system: System, visitor: Visitor, office: AdminClient
) -> None:
    buyer = Shopper(system)
    order = bought(office, buyer, office.product(stock=3, price=2500, name="Stone bowl"))
    async with visitor() as at_the_desk, visitor() as at_home:
        desk, home = await as_admin(at_the_desk, system), at_home.page
        await be_signed_in(home.context, buyer.email)
        await desk.goto("/admin/orders")
        await desk.get_by_role("link", name=order["number"]).click()
        await desk.get_by_label("Tracking number (optional)").fill("UZ 4071 2296")
        await desk.get_by_role("button", name="Mark as shipped").click()
        await expect(desk.get_by_role("heading", name="Packages")).to_be_visible()
        await home.goto(f"/orders/{order['id']}")
        await expect(home.get_by_text("Tracking number UZ 4071 2296")).to_be_visible()
        await expect(home.get_by_role("listitem").filter(has_text="Shipped")).to_have_attribute("aria-current", "step")

        await give_back(desk, "10", "A chip in the rim")
        await expect(desk.get_by_role("listitem").filter(has_text="A chip in the rim")).to_contain_text("Done")
        await expect(desk.get_by_label("Amount (USD)")).to_have_value("15.00")
        await home.reload()
        await expect(home.get_by_text("−$10.00")).to_be_visible()
        await expect(home.get_by_text("Shipped", exact=True).first).to_be_visible()

        await give_back(desk, None, "It broke")
        await expect(desk.get_by_text("Fully refunded.")).to_be_visible()
        await expect(desk.get_by_text("Refunded", exact=True).first).to_be_visible()
        buyer.order_when(order["id"], "refunded", timeout_s=TIMEOUT_S)
        await home.reload()
        await expect(home.get_by_text("−$25.00")).to_be_visible()
        await expect(home.get_by_role("listitem").filter(has_text="Refunded")).to_be_visible()
        assert (at_the_desk.problems, at_home.problems) == ([], [])
    assert [entry["amount"] for entry in office.ledger(order["id"], "refund")] == [1000, 1500]
    until("the mail that it was shipped", lambda: office.mails(buyer.email, "has shipped"), timeout_s=TIMEOUT_S)
    until("two mails of refunds", lambda: len(office.mails(buyer.email, "refund")) == 2, timeout_s=TIMEOUT_S)


async def give_back(page: Page, amount: str | None, reason: str) -> None:
    """`None` is all that is left, which the form proposes by itself."""
    if amount is not None:
        await page.get_by_label("Amount (USD)").fill(amount)
    await page.get_by_label("Reason (optional)").fill(reason)
    await page.get_by_role("button", name="Refund…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Refund").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_file_that_is_no_picture_or_too_large_is_refused_in_words(
    system: System, visitor: Visitor, office: AdminClient, tmp_path: Path
) -> None:
    product = office.product(stock=1)
    images = f"POST /api/products/{product['id']}/images"
    notes, huge, good = tmp_path / "notes.png", tmp_path / "huge.jpg", tmp_path / "good.webp"
    notes.write_text("These are not the pixels you are looking for.")
    huge.write_bytes(os.urandom(MAX_FILE_BYTES + 1))
    Image.new("RGB", (300, 300), (90, 120, 80)).save(good)
    async with visitor() as visit:
        page = await as_admin(visit, system)
        await page.goto(f"/admin/products/{product['id']}")
        pictures = page.locator("section").filter(has=page.get_by_role("heading", name="Pictures"))
        visit.expect_refusal(images, 422)
        await upload(page, notes)
        await expect(pictures.get_by_role("alert")).to_contain_text("notes.png")
        await expect(pictures.get_by_role("alert")).to_contain_text("JPEG, PNG or WebP")
        visit.expect_refusal(images, 413)
        await upload(page, huge)
        await expect(pictures.get_by_role("alert")).to_contain_text("10 MB are the most")
        await upload(page, good)
        await expect(pictures.get_by_role("button", name="Delete picture 1")).to_be_visible()
        await expect(pictures.get_by_role("alert")).to_have_count(0)
        assert visit.problems == []


async def test_a_form_says_beside_the_field_what_is_wrong_and_keeps_the_rest(
    system: System, visitor: Visitor, office: AdminClient
) -> None:
    taken = office.product(stock=1)["variants"][0]["sku"]
    async with visitor() as visit:
        page = await as_admin(visit, system)
        await page.goto("/admin/products/new")
        await page.get_by_label("Name", exact=True).fill("Second of its kind")
        await page.get_by_label("Price (USD)").fill("19.90")
        await page.get_by_role("button", name="Create product").click()
        await expect_wrong(page.get_by_label("SKU"), "Enter a SKU.")
        await page.get_by_label("SKU").fill(taken)
        visit.expect_refusal("POST /api/products", 409)
        await page.get_by_role("button", name="Create product").click()
        await expect_wrong(page.get_by_label("SKU"), "Another product has this SKU.")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("Second of its kind")
        await expect(page.get_by_label("Price (USD)")).to_have_value("19.90")
        assert visit.problems == []
    async with visitor() as visit:
        page, email = visit.page, f"new-{uuid4().hex[:12]}@example.com"
        await page.goto("/register")
        await page.get_by_label("Name", exact=True).fill("Mira")
        await page.get_by_label("Email address").fill(email)
        await page.get_by_label("Password", exact=True).fill("password123")
        visit.expect_refusal("POST /api/auth/register", 422)
        await page.get_by_role("button", name="Create account").click()
        await expect_wrong(page.get_by_label("Password", exact=True), "Is too common")
        await expect(page.get_by_label("Email address")).to_have_value(email)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Create account").click()
        await expect(page.get_by_role("heading", name="Welcome, Mira")).to_be_visible()

        await page.goto("/settings")
        await page.get_by_label("Name", exact=True).fill("M" * 150)
        visit.expect_refusal("PATCH /api/auth/me", 422)
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect_wrong(page.get_by_label("Name", exact=True), "Must have 1 to 100 characters.")
        await page.get_by_label("Current password").fill("not-my-password")
        await page.get_by_label("New password").fill("another-long-passphrase")
        visit.expect_refusal("POST /api/auth/password", 422)
        await page.get_by_role("button", name="Change password").click()
        await expect_wrong(page.get_by_label("Current password"), "is wrong")
        await expect(page.get_by_label("New password")).to_have_value("another-long-passphrase")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("M" * 150)
        assert visit.problems == []


async def test_the_checkout_says_beside_the_field_what_is_wrong_with_an_address(
    system: System, visitor: Visitor, office: AdminClient
) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await be_signed_in(page.context, shopper.email)
        await page.goto("/checkout")
        await expect(page.get_by_role("button", name="Pay $")).to_be_enabled()
        await page.get_by_role("button", name="Pay $").click()
        await expect_wrong(page.get_by_label("Street address"), "Enter your street address.")
        # Longer than the field lets anybody type, as something that fills it in might be.
        city = page.get_by_label("City")
        await city.evaluate("(field) => field.removeAttribute('maxlength')")
        await steps.fill_in_the_address(page)
        await city.fill("Samarkand" * 30)
        visit.expect_refusal("POST /api/orders/quote", 422)
        await page.get_by_label("Full name").focus()
        await expect(city).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_label("Street address")).to_have_value(ADDRESS["line1"])
        await city.fill(ADDRESS["city"])
        await city.press("Tab")
        await steps.to_the_payment_page(page)
        assert visit.problems == []


async def expect_wrong(field: Locator, words: str) -> None:
    """It is marked, the words belong to it, and the keyboard is there."""
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile(re.escape(words)))
    await expect(field).to_be_focused()


_SCRIPT = "<script>window.intruded=1</script>"
_IMAGE = "<img src=x onerror=window.intruded=1>"


async def test_markup_that_somebody_stored_is_shown_as_the_text_it_is(
    system: System, visitor: Visitor, office: AdminClient
) -> None:
    token, email = uuid4().hex[:8], f"markup-{uuid4().hex[:12]}@example.com"
    mine = {"email": email, "password": PASSWORD, "name": f"Mal {_IMAGE}"}
    system.client().post("/api/auth/register", json=mine).raise_for_status()
    product = office.http.post(
        "/api/products",
        json={
            "name": f"Vase {token} {_IMAGE}",
            "description": f"{_SCRIPT} {_IMAGE}",
            "attributes": {_IMAGE: _SCRIPT},
            "options": [{"name": _IMAGE, "values": [_SCRIPT]}],
            "variants": [
                {
                    "sku": f"VASE-{token}",
                    "price": {"amount": 1200, "currency": "USD"},
                    "stock": 5,
                    "options": {_IMAGE: _SCRIPT},
                }
            ],
        },
    )
    made = product.raise_for_status().json()
    buyer = Shopper(system, email)
    address = {**ADDRESS, "name": f"Mal {_IMAGE}", "line1": _SCRIPT, "city": _IMAGE}
    order = bought(office, buyer, made, shipping_address=address, note=f"{_SCRIPT} {_IMAGE}")
    shipped = {"status": "shipped", "tracking_number": _IMAGE}
    office.http.put(f"/api/orders/{order['id']}", json=shipped).raise_for_status()
    refund = {"amount": {"amount": 100, "currency": "USD"}, "reason": _SCRIPT}
    key = {"Idempotency-Key": str(uuid4())}
    office.http.post(f"/api/payments/{order['payment']['id']}/refund", json=refund, headers=key).raise_for_status()
    buyer.add(made).raise_for_status()
    found_by(office, token)

    async with visitor() as visit:
        page = visit.page
        await be_signed_in(page.context, email)
        for address_of_page, shown in (
            (f"/products?q={token}", 1),
            (f"/products/{made['slug']}", 4),
            ("/", 2),
            ("/cart", 1),
            ("/checkout", 1),
            ("/orders", 1),
            (f"/orders/{order['id']}", 6),
        ):
            await page.goto(address_of_page)
            await expect_it_as_text(page, shown)
        assert visit.problems == []
    async with visitor() as visit:
        page = await as_admin(visit, system)
        for address_of_page, shown in (
            ("/admin/orders", 1),
            (f"/admin/orders/{order['id']}", 6),
            (f"/admin/products?q={token}", 1),
            (f"/admin/products/{made['id']}", 2),
        ):
            await page.goto(address_of_page)
            await expect_it_as_text(page, shown)
        await page.goto("/admin/users")
        await page.get_by_role("searchbox", name="Search customers").fill(email)
        await expect(page.get_by_text(email)).to_be_visible()
        await expect_it_as_text(page, 1)
        await page.goto("/admin/mails")
        await page.get_by_role("searchbox", name="Search emails by address").fill(email)
        shipped_mail = page.get_by_role("button", name="has shipped")
        await expect(shipped_mail).to_have_count(1)
        await shipped_mail.click()
        mail = page.get_by_role("dialog").frame_locator("iframe")
        await expect(mail.get_by_text(_IMAGE).last).to_be_visible()
        assert visit.problems == []
        # And where nothing stands between a mail and whoever reads it.
        until("mails of the order", lambda: len(office.mails(email)) >= 4, timeout_s=TIMEOUT_S)
        reader = await page.context.new_page()
        shown_in = 0
        for message in office.mails(email):
            await reader.set_content(message["html"])
            shown_in += await reader.get_by_text(re.compile(re.escape("onerror=window.intruded=1"))).count()
            assert await reader.evaluate(_INTRUDED) == []
        assert shown_in >= 4


#: What of the markup became more than text.
_INTRUDED = """() => [
  ...(window.intruded === undefined ? [] : ["a script ran"]),
  ...[...document.querySelectorAll('img[src="x"], img[onerror]')].map((image) => image.outerHTML),
  ...[...document.scripts].filter((script) => script.text.includes("intruded")).map((script) => script.outerHTML),
]"""


async def expect_it_as_text(page: Page, at_least: int) -> None:
    found = page.get_by_text(re.compile(r"window\.intruded=1"))
    await expect(found.nth(at_least - 1)).to_be_attached()
    await expect(found.first).to_be_visible()
    assert await page.evaluate(_INTRUDED) == []


async def test_a_visitor_is_asked_to_sign_in_to_every_room_of_the_office_and_the_shop_is_asked_nothing(
    visitor: Visitor,
) -> None:
    async with visitor() as visit:
        for room in (page for page in WEB_PAGES if page.startswith("/admin/")):
            await visit.page.goto(room.replace("{id}", str(uuid4())))
            await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Sign in to Admin")
            await visit.page.wait_for_load_state("networkidle")
        assert visit.problems == []
