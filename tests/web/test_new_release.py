"""A browser that was open during a release: the scripts of its pages no longer exist."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.web.web_process import web_process
from tools.first_load import WEB
from tools.shop.browser import chromium

pytestmark = pytest.mark.system

REGISTER_PAGE = re.compile(r"/assets/RegisterPage-[^/]+\.js$")


class Visitor:
    """A visitor who goes from the sign-in page to the register page, whose script may be missing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.loads = 0
        page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        self.loads += request.is_navigation_request()

    async def remove_script(self, *, until_load: int) -> None:
        async def answer(route: Route) -> None:
            await (route.fulfill(status=404) if self.loads < until_load else route.fallback())

        await self.page.route(REGISTER_PAGE, answer)


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    with web_process(WEB / "dist", tmp_path / "web.log") as url:
        async with chromium() as browser:
            page = await browser.new_page(base_url=url)
            yield Visitor(page)


async def test_a_page_whose_script_is_missing_reloads_itself(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.remove_script(until_load=2)
    await page.goto("/sign-in")
    await page.get_by_role("link", name="Create account").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("account", re.IGNORECASE))
    await expect(page).to_have_url(re.compile("/register"))
    assert visitor.loads == 2


async def test_a_script_that_stays_missing_does_not_reload_the_page_forever(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.remove_script(until_load=100)
    await page.goto("/sign-in")
    await page.get_by_role("link", name="Create account").click()
    await expect(page.get_by_text("This page couldn’t be loaded")).to_be_visible()
    assert 2 <= visitor.loads <= 3


async def test_a_failed_prefetch_does_not_reload_the_page(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.remove_script(until_load=100)
    await page.goto("/sign-in")
    await page.get_by_label("Email address").fill("ada@example.com")
    async with page.expect_response(REGISTER_PAGE):
        await page.get_by_role("link", name="Create account").hover()
    await page.wait_for_load_state("networkidle")
    await expect(page.get_by_label("Email address")).to_have_value("ada@example.com")
    assert visitor.loads == 1
