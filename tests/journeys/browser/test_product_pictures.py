"""An admin puts a product's pictures in order, by mouse and by keyboard, says what they show, and drops one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tests.product.images import encoded, plain
from tools.shop.shopper import AdminClient, until
from tools.shop.system import System

pytestmark = pytest.mark.timeout(300)
COLOURS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200)}


@pytest.fixture
def product(office: AdminClient) -> dict[str, Any]:
    """With three pictures, which say what colour they are."""
    made = office.product(stock=3)
    for name, colour in COLOURS.items():
        office.http.post(
            f"/api/products/{made['id']}/images",
            files={"file": (f"{name}.png", encoded(plain(400, 300, colour)), "image/png")},
            data={"alt": name},
            headers={"Idempotency-Key": str(uuid4())},
        ).raise_for_status()
    return made


def pictures(office: AdminClient, product: dict[str, Any]) -> list[str]:
    found = office.http.get(f"/api/products/{product['id']}").raise_for_status().json()
    return [image["alt"] for image in found["images"]]


async def shown(page: Page, *alts: str) -> None:
    images = page.locator("li[data-image] img")
    await expect(images).to_have_count(len(alts))
    for at, alt in enumerate(alts):
        await expect(images.nth(at)).to_have_attribute("alt", alt)


async def test_an_admin_arranges_a_product_s_pictures(
    visitor: Visitor, system: System, office: AdminClient, product: dict[str, Any]
) -> None:
    admin = system.login("admin")
    async with visitor() as visit:
        page = visit.page
        await steps.sign_in(page, admin["email"], admin["password"])
        await page.goto(f"/admin/products/{product['id']}")
        await shown(page, "red", "green", "blue")

        # By keyboard: the button that was pressed stays in hand, wherever its picture goes.
        await page.get_by_role("button", name="Move picture 3 to the left").focus()
        await page.keyboard.press("Enter")
        await shown(page, "red", "blue", "green")
        await page.keyboard.press("Enter")
        await shown(page, "blue", "red", "green")
        await expect(page.get_by_role("button", name="Move picture 1 to the right")).to_be_focused()
        until("both moves to be kept", lambda: pictures(office, product) == ["blue", "red", "green"])

        # By mouse.
        items = page.locator("li[data-image]")
        await items.nth(2).locator("[draggable]").drag_to(items.nth(0))
        await shown(page, "green", "blue", "red")
        until("the drop to be kept", lambda: pictures(office, product) == ["green", "blue", "red"])

        words = page.get_by_label("Description of picture 2")
        await words.fill("A blue lamp from the side")
        await words.press("Enter")
        await shown(page, "green", "A blue lamp from the side", "red")

        await page.get_by_role("button", name="Delete picture 1").click()
        await page.get_by_role("button", name="Delete", exact=True).click()
        await shown(page, "A blue lamp from the side", "red")
        until("all of it to be kept", lambda: pictures(office, product) == ["A blue lamp from the side", "red"])
        assert visit.problems == []


async def test_a_change_of_somebody_else_is_not_undone(
    visitor: Visitor, system: System, office: AdminClient, product: dict[str, Any]
) -> None:
    admin = system.login("admin")
    path = f"/api/products/{product['id']}"
    async with visitor() as visit:
        page = visit.page
        await steps.sign_in(page, admin["email"], admin["password"])
        await page.goto(f"/admin/products/{product['id']}")
        await shown(page, "red", "green", "blue")
        first = office.http.get(path).json()["images"][0]["id"]
        office.http.delete(f"{path}/images/{first}").raise_for_status()
        await page.get_by_role("button", name="Move picture 3 to the left").click()
        # Refused, since the product is another by now; what it is now is shown.
        await shown(page, "green", "blue")
        assert pictures(office, product) == ["green", "blue"]
