from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from serai.chassis.data.database import Database
from serai.discovery import actions
from tests.discovery.replicas import Replica, replica


@pytest.fixture
async def registry(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Replica]:
    """One registry over a fresh database."""
    async with replica(database("discovery"), tmp_path) as running:
        yield running


@pytest.fixture
async def store(database: Callable[[str], str]) -> AsyncIterator[Database]:
    """A fresh database without a process over it, so that tests decide when leases are looked at."""
    opened = Database(database("discovery"), size=4)
    await opened.open()
    # The template was migrated a while ago, which looks like an outage.
    await actions.sweep(opened)
    yield opened
    await opened.close()
