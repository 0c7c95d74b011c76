"""A real browser: headless Chromium, and a page that tells of everything that went wrong in it.

Debian's Chromium where it is, or can be, installed; Playwright's own build elsewhere. Whatever a person would see in
the console of their browser, and every answer of the shop that refuses something, is a trouble of the visit.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize, async_playwright

#: For each step that a person takes, on a machine that is busy with other things.
PATIENCE_S = 60.0
#: What `visit` takes for its size.
DESK, PHONE = (1280, 900), (390, 844)
INSTALL_TIMEOUT_S = 600.0
#: A page that is left takes back what it was still asking for; and the machine's own interfaces come and go.
_NOBODY_S_FAULT = ("net::ERR_ABORTED", "net::ERR_NETWORK_CHANGED")
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_LOCK = Path(tempfile.gettempdir()) / "serai-tests-chromium.lock"


@asynccontextmanager
async def chromium(*, keeps_pages: bool = False) -> AsyncIterator[Browser]:
    """With `keeps_pages` the back button shows a page as it was left, scripts and all, as
    it does for people. Playwright turns that off since its `go_back` then waits in vain: use `history.back()`."""
    program = await asyncio.to_thread(program_path)
    # Its sandbox does not work for root, and containers have little shared memory.
    options = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else ["--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=options,
            ignore_default_args=["--disable-back-forward-cache"] if keeps_pages else None,
            timeout=PATIENCE_S * 1000,
        )
        try:
            yield browser
        finally:
            await browser.close()


def program_path() -> str | None:
    """Chromium's program; None for the one that Playwright has fetched for itself."""
    found = _installed()
    if found is not None:
        return found
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed() is None and os.geteuid() == 0 and shutil.which("apt-get"):
            environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
                subprocess.run(["apt-get", "-qq", *words], env=environ, timeout=INSTALL_TIMEOUT_S, check=False)
        if _installed() is None:
            command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
            subprocess.run(command, timeout=INSTALL_TIMEOUT_S, check=True)
    return _installed()


def _installed() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass(slots=True)
class _Expected:
    """Answers that a test is about: so many of them, no more and no fewer."""

    call: str
    answer: str
    left: int


class Visit:
    """One visitor's pages in the shop at `url`; `troubles` is what went wrong in them so far."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self._seen: list[str] = []
        self._expected: list[_Expected] = []
        self._watch(page)

    @property
    def troubles(self) -> list[str]:
        """What went wrong and was not expected, and what was expected and has not happened."""
        missing = [f"{one.call}: no {one.answer}, {one.left} expected" for one in self._expected if one.left]
        return self._seen + missing

    def expect_refusal(self, call: str, answer: int | str, times: int = 1) -> None:
        """From now on `call` ("POST /api/orders", without the query) is refused with this status exactly so many
        times; `answer` may also be the browser's word for a connection that failed ("net::ERR_FAILED")."""
        self._expected.append(_Expected(call, str(answer), times))

    async def went_as_expected(self) -> None:
        """No troubles; waits for what was expected, since a page may show an answer before the browser tells of it."""
        deadline = time.monotonic() + PATIENCE_S
        while any(one.left for one in self._expected) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert self.troubles == []

    async def another_tab(self) -> Page:
        """The same visitor's, with the same cookies; its troubles are this visit's."""
        page = await self.page.context.new_page()
        self._watch(page)
        return page

    def _watch(self, page: Page) -> None:
        page.on("pageerror", self._on_error)
        page.on("console", self._on_console)
        page.on("requestfailed", self._on_failed)
        page.on("response", self._on_response)

    def _on_error(self, error: object) -> None:
        self._seen.append(f"error in a script: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        url = message.location.get("url", "")
        if any(message.text.endswith(word) for word in _NOBODY_S_FAULT):
            return
        if self._is_ours(url) and not self._echoes_the_expected(message.text, url):
            self._seen.append(f"{message.type} in the console: {message.text}")

    def _on_failed(self, request: Request) -> None:
        if self._is_ours(request.url) and request.failure not in _NOBODY_S_FAULT:
            self._went_wrong(request, request.failure or "failed")

    def _on_response(self, response: Response) -> None:
        if self._is_ours(response.url) and response.status >= 400:
            self._went_wrong(response.request, str(response.status))
        elif not self._is_ours(response.url) and self._is_ours(response.frame.url) and not _is_a_page(response):
            self._seen.append(f"a page of the shop asked elsewhere: {response.url}")

    def _went_wrong(self, request: Request, answer: str) -> None:
        call = f"{request.method} {urlsplit(request.url).path}"
        for one in self._expected:
            if (one.call, one.answer) == (call, answer) and one.left:
                one.left -= 1
                return
        self._seen.append(f"{request.method} {request.url}: {answer}")

    def _echoes_the_expected(self, text: str, url: str) -> bool:
        """The browser tells of a failed request in its console as well, without the method."""
        if not text.startswith("Failed to load resource"):
            return False
        path = urlsplit(url).path
        return any(one.call.endswith(f" {path}") and one.answer in text for one in self._expected)

    def _is_ours(self, url: str) -> bool:
        # Nothing at all is where a script was made of text.
        return not url or url.startswith(self.url)


def _is_a_page(response: Response) -> bool:
    return response.request.is_navigation_request()


async def until_true(page: Page, expression: str) -> None:
    """Ask until it is. Playwright's own `wait_for_function` asks again from within the page, where the shop's content
    security policy forbids it to make code of text."""
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def visit(
    browser: Browser, url: str, width: int = 1280, height: int = 900, *, evidence: Path
) -> AsyncIterator[Visit]:
    """A new visitor, without cookies. What they saw when something went wrong is kept as a picture in `evidence`."""
    phone = width < 600
    viewport: ViewportSize = {"width": width, "height": height}
    context = await browser.new_context(
        base_url=url, viewport=viewport, has_touch=phone, is_mobile=phone, locale="en-US", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    context.set_default_navigation_timeout(PATIENCE_S * 1000)
    made = Visit(await context.new_page(), url)
    try:
        yield made
    except BaseException as problem:
        for number, page in enumerate(context.pages, 1):
            picture = evidence / f"browser-{width}-{number}.png"
            await page.screenshot(path=picture)
            problem.add_note(f"seen at {page.url}, see {picture}")
        problem.add_note(f"troubles: {made.troubles}")
        raise
    finally:
        await context.close()
