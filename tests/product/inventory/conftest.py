"""These tests look at nothing but the products they create, so one service answers all of them."""

from __future__ import annotations

import pytest

from tests.product.shop import Shop


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    return shared_shop


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url
