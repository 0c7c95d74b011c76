from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from serai.chassis.data.database import Database
from serai.discovery import actions
from tests.discovery.registry_server import RegistryServer, registry_server


@pytest.fixture
async def registry(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[RegistryServer]:
    """One registry over a fresh database."""
    async with registry_server(database("discovery"), tmp_path) as running:
        yield running


@pytest.fixture
async def store(database: Callable[[str], str]) -> AsyncIterator[Database]:
    """A fresh database without a registry process, so that tests decide when a sweep runs."""
    opened = Database(database("discovery"), size=4)
    await opened.open()
    # The first sweep after the migration of the template sees an outage and extends all leases. Do it here.
    await actions.sweep(opened)
    yield opened
    await opened.close()
