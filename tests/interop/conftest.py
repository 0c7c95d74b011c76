from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.discovery.registry_server import RegistryServer, registry_server


@pytest.fixture
async def registry(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[RegistryServer]:
    """One registry over a fresh database."""
    async with registry_server(database("discovery"), tmp_path) as registry:
        yield registry
