"""No page bars anybody, as far as a program can tell: wide and narrow, light and dark, for whoever sees it."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.browser.conftest import Visitor
from tools.shop import axe
from tools.shop.browser import DESKTOP, PHONE
from tools.shop.pages import LOOKS, Look, Stage, Who, set_stage, settled
from tools.shop.shopper import AdminClient
from tools.shop.system import System

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def stage(system: System, office: AdminClient) -> Stage:
    return set_stage(system, office)


async def test_no_page_bars_anybody(visitor: Visitor, stage: Stage) -> None:
    found = await asyncio.gather(
        _seen_by("visitor", visitor, stage),
        _seen_by("guest", visitor, stage),
        _seen_by("customer", visitor, stage),
        _seen_by("admin", visitor, stage),
    )
    lines = [line for lines in found for line in lines]
    assert not lines, "\n".join(lines)


async def test_what_opens_over_a_page_bars_nobody(visitor: Visitor, stage: Stage) -> None:
    found: list[str] = []
    async with visitor(*PHONE) as visit:
        page = visit.page
        await page.goto("/products")
        found += await _once_open(page, page.get_by_role("button", name="Menu", exact=True))
        found += await _once_open(page, page.get_by_role("button", name="Filter"))
    async with visitor() as visit:
        page = visit.page
        await stage.enter(page.context, "admin")
        await page.goto(f"/admin/orders/{stage.facts['id']}")
        found += await _once_open(page, page.get_by_role("button", name="Refund…"))
        found += await _once_open(page, page.get_by_role("button", name="Account of"), "menu")
        await page.goto("/admin/mails")
        found += await _once_open(page, page.get_by_role("button", name="is confirmed").first)
    assert not found, "\n".join(found)


async def _once_open(page: Page, opener: Locator, role: Literal["dialog", "menu"] = "dialog") -> list[str]:
    await opener.click()
    await expect(page.get_by_role(role)).to_be_visible()
    await expect(page.locator(".mantine-Skeleton-root:visible")).to_have_count(0)
    # The library's dialogs have a header of their own, which is good practice to axe in a page only.
    found = await axe.barriers(page, axe.STANDARD)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role(role)).to_have_count(0)
    return [f"{opener}: {each}" for each in found]


async def _seen_by(who: Who, visitor: Visitor, stage: Stage) -> list[str]:
    found: list[str] = []
    async with visitor() as visit:
        await stage.enter(visit.page.context, who)
        for look in LOOKS:
            if look.who == who:
                await visit.page.goto(look.address(stage.facts))
                found += await _in_every_way(visit.page, look, stage)
    return found


async def _in_every_way(page: Page, look: Look, stage: Stage) -> list[str]:
    found: list[str] = []
    heading = look.heading.format(**stage.facts)
    for width, height in (DESKTOP, PHONE):
        await page.set_viewport_size({"width": width, "height": height})
        await _light(page)
        await settled(page, heading)
        problems = await axe.barriers(page)
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append("the page is wider than its window")
        await _dark(page)
        await settled(page, heading)
        problems += [f"in the dark: {each}" for each in await axe.barriers(page, axe.COLOURS)]
        found += [f"{look.name} at {width}: {each}" for each in problems]
    return found


async def _light(page: Page) -> None:
    await page.emulate_media(color_scheme="light")
    await expect(page.locator('html[data-mantine-color-scheme="light"]')).to_be_attached()


async def _dark(page: Page) -> None:
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator('html[data-mantine-color-scheme="dark"]')).to_be_attached()
