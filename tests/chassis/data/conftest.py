"""Fixtures that several test modules of this folder use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from tests.chassis.data.feeds import producer


@pytest.fixture
async def shop(database: Callable[[str], str]) -> AsyncIterator[tuple[Database, Feed]]:
    async with producer(database("order")) as opened:
        yield opened
