from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.discovery.replicas import Replica, replica


@pytest.fixture
async def registry(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Replica]:
    """One registry over a fresh database."""
    async with replica(database("discovery"), tmp_path) as running:
        yield running
