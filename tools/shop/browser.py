"""Headless Chromium, and a page that records everything that goes wrong in it.

It uses Debian's Chromium if that is or can be installed, otherwise Playwright's build. Every error or warning in the
console, and every error response of the shop, is a problem of the visit.
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

#: Timeout of one step, for a busy machine.
TIMEOUT_S = 60.0
#: Viewport sizes for `visit`.
DESKTOP, PHONE = (1280, 900), (390, 844)
INSTALL_TIMEOUT_S = 600.0
#: Leaving a page aborts its requests, and network interfaces of the machine change.
_IGNORED_FAILURES = ("net::ERR_ABORTED", "net::ERR_NETWORK_CHANGED")
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_LOCK = Path(tempfile.gettempdir()) / "serai-tests-chromium.lock"


@asynccontextmanager
async def chromium(*, back_forward_cache: bool = False) -> AsyncIterator[Browser]:
    """With `back_forward_cache` the back button restores a page as it was left, including its scripts, as in a normal
    browser. Playwright disables that because its `go_back` then never returns: use `history.back()`."""
    program = await asyncio.to_thread(program_path)
    # Chromium's sandbox does not work for root, and containers have little shared memory.
    options = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else ["--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=options,
            ignore_default_args=["--disable-back-forward-cache"] if back_forward_cache else None,
            timeout=TIMEOUT_S * 1000,
        )
        try:
            yield browser
        finally:
            await browser.close()


def program_path() -> str | None:
    """The path of Chromium; None for the one that Playwright has installed."""
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
    """Error responses that a test expects: exactly so many."""

    call: str
    answer: str
    left: int


class Visit:
    """The pages of one visitor of the shop at `url`; `problems` is what went wrong in them so far."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self._seen: list[str] = []
        self._expected: list[_Expected] = []
        self._watch(page)

    @property
    def problems(self) -> list[str]:
        """What went wrong unexpectedly, and what was expected and did not happen."""
        missing = [f"{one.call}: no {one.answer}, {one.left} expected" for one in self._expected if one.left]
        return self._seen + missing

    def expect_refusal(self, call: str, answer: int | str, times: int = 1) -> None:
        """From now on `call` ("POST /api/orders", without the query) must fail with this status exactly so many times.
        `answer` may also be the browser's error for a failed connection ("net::ERR_FAILED")."""
        self._expected.append(_Expected(call, str(answer), times))

    async def assert_as_expected(self) -> None:
        """Assert that there are no problems. Waits for the expected errors, since a page may show one before the
        browser reports it."""
        deadline = time.monotonic() + TIMEOUT_S
        while any(one.left for one in self._expected) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert self.problems == []

    async def open_tab(self) -> Page:
        """A new tab of the same visitor, with the same cookies. Its problems belong to this visit."""
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
        if any(message.text.endswith(word) for word in _IGNORED_FAILURES):
            return
        if self._is_ours(url) and not self._repeats_an_expected_failure(message.text, url):
            self._seen.append(f"{message.type} in the console: {message.text}")

    def _on_failed(self, request: Request) -> None:
        if self._is_ours(request.url) and request.failure not in _IGNORED_FAILURES:
            self._record_failure(request, request.failure or "failed")

    def _on_response(self, response: Response) -> None:
        if self._is_ours(response.url) and response.status >= 400:
            self._record_failure(response.request, str(response.status))
        elif not self._is_ours(response.url) and self._is_ours(response.frame.url) and not _is_navigation(response):
            self._seen.append(f"a page of the shop sent a request to another origin: {response.url}")

    def _record_failure(self, request: Request, answer: str) -> None:
        call = f"{request.method} {urlsplit(request.url).path}"
        for one in self._expected:
            if (one.call, one.answer) == (call, answer) and one.left:
                one.left -= 1
                return
        self._seen.append(f"{request.method} {request.url}: {answer}")

    def _repeats_an_expected_failure(self, text: str, url: str) -> bool:
        """The browser also reports a failed request in its console, without the method."""
        if not text.startswith("Failed to load resource"):
            return False
        path = urlsplit(url).path
        return any(one.call.endswith(f" {path}") and one.answer in text for one in self._expected)

    def _is_ours(self, url: str) -> bool:
        # The URL is empty for a script created from a string.
        return not url or url.startswith(self.url)


def _is_navigation(response: Response) -> bool:
    return response.request.is_navigation_request()


async def until_true(page: Page, expression: str) -> None:
    """Poll until the expression is true. Playwright's `wait_for_function` polls within the page, where the shop's
    content security policy forbids evaluating strings."""
    async with asyncio.timeout(TIMEOUT_S):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def visit(
    browser: Browser, url: str, width: int = 1280, height: int = 900, *, evidence: Path
) -> AsyncIterator[Visit]:
    """A new visitor without cookies. If an error is raised, screenshots of the pages are saved in `evidence`."""
    phone = width < 600
    viewport: ViewportSize = {"width": width, "height": height}
    context = await browser.new_context(
        base_url=url, viewport=viewport, has_touch=phone, is_mobile=phone, locale="en-US", reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT_S * 1000)
    context.set_default_navigation_timeout(TIMEOUT_S * 1000)
    made = Visit(await context.new_page(), url)
    try:
        yield made
    except BaseException as problem:
        for number, page in enumerate(context.pages, 1):
            picture = evidence / f"browser-{width}-{number}.png"
            await page.screenshot(path=picture)
            problem.add_note(f"seen at {page.url}, see {picture}")
        problem.add_note(f"troubles: {made.problems}")
        raise
    finally:
        await context.close()
