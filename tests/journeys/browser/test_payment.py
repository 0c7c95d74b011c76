"""Paying in a real browser when it does not go smoothly: declined, checked by the bank, left and taken up again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.journeys.browser import steps
from tests.journeys.browser.conftest import Visitor
from tools.shop.browser import chromium, visit
from tools.shop.shopper import DECLINED, THREE_D_SECURE, AdminClient, Shopper
from tools.shop.system import System

pytestmark = pytest.mark.timeout(600)


async def test_a_declined_card_is_said_so_and_another_card_pays(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    order_id = _order(office, buyer)
    async with visitor() as visit:
        page = visit.page
        await _to_pay_for(page, buyer, order_id)
        await steps.pay_on_the_payment_page(page, DECLINED)
        await expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        await steps.pay_on_the_payment_page(page)
        await steps.expect_paid(page)
        assert visit.problems == []
    _paid_once(office, buyer, order_id)


async def test_the_bank_asks_who_it_is_and_the_order_is_paid(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    order_id = _order(office, buyer)
    async with visitor() as visit:
        page = visit.page
        await _to_pay_for(page, buyer, order_id)
        await steps.pay_on_the_payment_page(page, THREE_D_SECURE)
        await page.get_by_role("button", name="Approve the payment").click()
        await steps.expect_paid(page)
        assert visit.problems == []
    _paid_once(office, buyer, order_id)


async def test_who_fails_the_bank_s_check_is_told_and_tries_again(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    order_id = _order(office, buyer)
    async with visitor() as visit:
        page = visit.page
        await _to_pay_for(page, buyer, order_id)
        await steps.pay_on_the_payment_page(page, THREE_D_SECURE)
        await page.get_by_role("button", name="Fail the check").click()
        await expect(page.get_by_role("alert")).to_contain_text("choose a different payment method")
        assert office.ledger(order_id) == []
        await steps.pay_on_the_payment_page(page)
        await steps.expect_paid(page)
        assert visit.problems == []
    _paid_once(office, buyer, order_id)


async def test_who_walks_away_from_the_payment_finds_the_order_unpaid_and_pays_it_later(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    buyer.add(office.product(stock=1)).raise_for_status()
    async with visitor() as visit:
        page = visit.page
        await steps.to_the_checkout(page, buyer)
        await steps.to_the_payment_page(page)
        payment_page = page.url
        await page.get_by_role("button", name="Back to the shop").click()
        await expect(page.get_by_text("Payment needed")).to_be_visible()
        await expect(page.get_by_text("You haven’t been charged")).to_be_visible()
        order_id = steps.order_of(page)

        # The page is closed, and another day the order is found among the others.
        await page.goto("/orders")
        await expect(page.get_by_role("listitem").filter(has_text="Awaiting payment")).to_be_visible()
        await page.get_by_role("link", name=re.compile("^S-")).click()
        await steps.to_the_payment_page(page)
        assert page.url == payment_page, "the payment that is open, not a second one"
        await steps.pay_on_the_payment_page(page)
        await steps.expect_paid(page)
        assert visit.problems == []
    _paid_once(office, buyer, order_id)


async def test_the_browser_s_back_button_leads_to_a_page_that_can_still_be_paid_from(
    system: System, office: AdminClient, buyer: Shopper, tmp_path: Path
) -> None:
    order_id = _order(office, buyer)
    async with (
        chromium(back_forward_cache=True) as browser,
        visit(browser, f"http://localhost:{system.port}", evidence=tmp_path) as visitor,
    ):
        page = visitor.page
        await steps.sign_in(page, buyer.email, then=f"/orders/{order_id}")
        await page.evaluate("window.leftAsItIs = true")
        await steps.to_the_payment_page(page)
        await page.evaluate("history.back()")
        await expect(page.get_by_text("Payment needed")).to_be_visible()
        assert await page.evaluate("window.leftAsItIs"), "the page as it was left, not a new one"
        await steps.to_the_payment_page(page)
        await steps.pay_on_the_payment_page(page)
        await steps.expect_paid(page)
        assert visitor.problems == []
    _paid_once(office, buyer, order_id)


async def test_the_way_back_is_enough_where_stripe_s_word_is_late(
    visitor: Visitor, office: AdminClient, buyer: Shopper
) -> None:
    order_id = _order(office, buyer)
    office.fault(operation="webhook", fault="late", count=20, delay_ms=600_000)
    try:
        async with visitor() as visit:
            page = visit.page
            await _to_pay_for(page, buyer, order_id)
            await steps.pay_on_the_payment_page(page)
            await steps.expect_paid(page)
            assert visit.problems == []
    finally:
        office.no_more_faults()
    _paid_once(office, buyer, order_id)


def _order(office: AdminClient, buyer: Shopper) -> str:
    """One that waits for its payment."""
    buyer.add(office.product(stock=1)).raise_for_status()
    placed: str = buyer.placed()["id"]
    return placed


async def _to_pay_for(page: Page, buyer: Shopper, order_id: str) -> None:
    await steps.sign_in(page, buyer.email, then=f"/orders/{order_id}")
    await steps.to_the_payment_page(page)


def _paid_once(office: AdminClient, buyer: Shopper, order_id: str) -> None:
    order = buyer.order(order_id)
    assert order["status"] == "paid"
    assert [entry["amount"] for entry in office.ledger(order_id)] == [order["total"]["amount"]]
