"""Pay, and the shop says no: whatever has happened, it is said in words, and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.browser import PHONE, Visit
from tools.shop.shopper import ADDRESS, PASSWORD, AdminClient, Shopper
from tools.shop.system import System

pytestmark = pytest.mark.timeout(600)

NOTE = "Ring twice, the bell is old"


async def test_somebody_was_faster_and_the_rest_is_bought(
    visitor: Visitor, system: System, admin: AdminClient, buyer: Shopper
) -> None:
    lamp = admin.product(stock=3, price=2000)
    buyer.add(lamp, 3).raise_for_status()
    async with visitor(*PHONE) as visit:
        page = visit.page
        await _type_everything(page, buyer)
        faster = Shopper(system)
        faster.add(lamp).raise_for_status()
        faster.placed()

        visit.expect_refusal("POST /api/orders", 409)
        visit.expect_refusal("POST /api/orders/quote", 409)
        await page.get_by_role("button", name="Pay $60.00").click()
        refusal = page.get_by_role("alert").filter(has_text="Not enough in stock")
        await expect(refusal).to_contain_text(f"{lamp['name']}: only 2 left")
        await expect(refusal).to_contain_text("you were not charged")
        await expect(refusal).to_be_in_viewport()
        await refusal.get_by_role("button", name="Use available quantities").click()
        await expect(page.get_by_role("button", name="Pay $40.00")).to_be_enabled()
        await expect(refusal).to_be_hidden()
        await _pay_with_everything_as_typed(visit, admin, buyer, amount=4000)


async def test_the_typed_address_is_still_there_after_a_way_round_by_the_cart(
    visitor: Visitor, system: System, admin: AdminClient, buyer: Shopper
) -> None:
    vase, lamp = admin.product(stock=1, price=1000, name="Last vase"), admin.product(stock=5, price=2000)
    for product in (vase, lamp):
        buyer.add(product).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await _type_everything(page, buyer)
        faster = Shopper(system)
        faster.add(vase).raise_for_status()
        faster.placed()

        visit.expect_refusal("POST /api/orders", 409)
        visit.expect_refusal("POST /api/orders/quote", 409)
        await page.get_by_role("button", name="Pay $30.00").click()
        # The summary beside it has such a link too.
        refusal = page.get_by_role("alert").filter(has_text="Not enough in stock")
        await refusal.get_by_role("link", name="Edit cart").click()
        await page.get_by_role("button", name=f"Remove {vase['name']}").click()
        await page.get_by_role("link", name="Check out").click()
        await expect(page.get_by_role("button", name="Pay $20.00")).to_be_enabled()
        await _pay_with_everything_as_typed(visit, admin, buyer, amount=2000)


async def test_a_price_that_rose_meanwhile_is_shown_and_agreed_to_before_anything_is_charged(
    visitor: Visitor, admin: AdminClient, buyer: Shopper
) -> None:
    lamp = admin.product(stock=1, price=2000)
    buyer.add(lamp).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await _type_everything(page, buyer)
        admin.reprice(lamp, 2300)

        visit.expect_refusal("POST /api/orders", 409)
        await page.get_by_role("button", name="Pay $20.00").click()
        refusal = page.get_by_role("alert").filter(has_text="The total has changed")
        await expect(refusal).to_contain_text("The new total is $23.00. You were not charged")
        await expect(page.get_by_role("button", name="Pay $23.00")).to_be_enabled()
        assert buyer.http.get("/api/orders").json()["items"] == []
        await _pay_with_everything_as_typed(visit, admin, buyer, amount=2300)


async def test_a_session_that_ends_while_somebody_types_is_taken_up_again_in_place(
    visitor: Visitor, admin: AdminClient, buyer: Shopper
) -> None:
    buyer.add(admin.product(stock=1, price=2000)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await _type_everything(page, buyer)
        _end_other_sessions(buyer)

        visit.expect_refusal("POST /api/orders", 401)
        visit.expect_refusal("POST /api/auth/refresh", 401)
        await page.get_by_role("button", name="Pay $20.00").click()
        dialog = page.get_by_role("dialog", name="Please sign in again")
        await expect(dialog).to_contain_text("Everything you entered on this page is still here")
        await expect(dialog.get_by_label("Email address")).to_have_value(buyer.email)
        visit.expect_refusal("POST /api/auth/login", 401)
        await _sign_in_again(page, "not-the-password")
        await expect(dialog.get_by_role("alert")).to_contain_text("Wrong email address or password.")
        await steps.expect_the_address_as_typed(page)

        # What was being sent goes on by itself after the sign-in.
        await _sign_in_again(page, PASSWORD)
        await steps.expect_the_payment_page(page)
        await _pay(visit, admin, buyer, amount=2000)


async def test_who_does_not_sign_in_again_at_once_finds_everything_as_typed_later(
    visitor: Visitor, admin: AdminClient, buyer: Shopper
) -> None:
    buyer.add(admin.product(stock=1, price=2000)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await _type_everything(page, buyer)
        _end_other_sessions(buyer)

        visit.expect_refusal("POST /api/orders", 401, times=2)
        visit.expect_refusal("POST /api/auth/refresh", 401)
        await page.get_by_role("button", name="Pay $20.00").click()
        await page.get_by_role("dialog").get_by_role("link", name="Forgot your password?").click()
        await expect(page.get_by_role("heading", level=1, name="Forgot your password?")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await page.go_back()
        await page.get_by_role("main").get_by_role("link", name="Sign in").click()
        await page.get_by_label("Email address").fill(buyer.email)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page.get_by_role("button", name="Pay $20.00")).to_be_enabled()
        await _pay_with_everything_as_typed(visit, admin, buyer, amount=2000)


async def test_an_answer_that_got_lost_makes_no_second_order(
    visitor: Visitor, admin: AdminClient, buyer: Shopper
) -> None:
    buyer.add(admin.product(stock=2, price=2000)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await _type_everything(page, buyer)

        async def lose_the_answer(route: Route) -> None:
            await route.fetch()
            await route.abort("connectionreset")

        await page.route("**/api/orders", lose_the_answer, times=1)
        visit.expect_refusal("POST /api/orders", "net::ERR_CONNECTION_RESET")
        await page.get_by_role("button", name="Pay $20.00").click()
        await steps.expect_the_payment_page(page)
        await _pay(visit, admin, buyer, amount=2000)


async def _type_everything(page: Page, buyer: Shopper) -> None:
    await steps.to_the_checkout(page, buyer)
    await page.get_by_label("Delivery note (optional)").fill(NOTE)


async def _pay_with_everything_as_typed(visit: Visit, admin: AdminClient, buyer: Shopper, amount: int) -> None:
    await steps.expect_the_address_as_typed(visit.page)
    await expect(visit.page.get_by_label("Delivery note (optional)")).to_have_value(NOTE)
    await steps.to_the_payment_page(visit.page)
    await _pay(visit, admin, buyer, amount)


async def _pay(visit: Visit, admin: AdminClient, buyer: Shopper, amount: int) -> None:
    """From the payment page to the end: one order of this buyer's, as it was typed, and one charge."""
    await steps.pay_on_the_payment_page(visit.page)
    await steps.expect_paid(visit.page)
    await visit.assert_as_expected()
    (order,) = buyer.http.get("/api/orders").raise_for_status().json()["items"]
    assert (order["status"], order["note"], order["total"]["amount"]) == ("paid", NOTE, amount)
    assert {name: order["shipping_address"][name] for name in ADDRESS} == ADDRESS
    assert [entry["amount"] for entry in admin.ledger(order["id"])] == [amount]


def _end_other_sessions(buyer: Shopper) -> None:
    """From the buyer's other device; what the browser holds is worth nothing from then on."""
    buyer.http.delete("/api/auth/sessions").raise_for_status()


async def _sign_in_again(page: Page, password: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Password", exact=True).fill(password)
    await dialog.get_by_role("button", name="Sign in", exact=True).click()
