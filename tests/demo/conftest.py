"""Fixtures: a product service with the demo pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serai.demo import PICTURES
from tests.product.conftest import database_url, replica, users
from tests.product.shop import Shop
from tests.product.users import Users

#: The setting with which `serai up` starts the product service.
WITH_PICTURES = {"SERAI_MEDIA_ARCHIVE": str(PICTURES)}

__all__ = ["database_url", "shop", "users"]


@pytest.fixture
async def shop(users: Users, database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with replica(users, database_url, tmp_path, **WITH_PICTURES) as running:
        yield running
