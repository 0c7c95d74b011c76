"""A browser for all tests of this folder, and visitors in it: each a person with cookies of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tools.shop.browser import TIMEOUT_S, Visit, chromium, visit
from tools.shop.shopper import AdminClient, Shopper
from tools.shop.system import System

expect.set_options(timeout=TIMEOUT_S * 1000)

#: `async with visitor() as someone:`, or `visitor(*PHONE)`.
Visitor = Callable[..., AbstractAsyncContextManager[Visit]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture
def visitor(system: System, browser: Browser, tmp_path: Path) -> Visitor:
    return partial(visit, browser, f"http://localhost:{system.port}", evidence=tmp_path)


@pytest.fixture(scope="module")
def office(system: System) -> AdminClient:
    """Signed in for each module anew: an access token is valid for ten minutes, and all modules may take longer."""
    return AdminClient(system)


@pytest.fixture
def buyer(system: System) -> Shopper:
    """Somebody with an account and an empty cart, who has signed in on another device."""
    return Shopper(system)
