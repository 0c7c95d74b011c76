"""These tests look at nothing but the products they create, so one service answers all of them."""

from __future__ import annotations

import pytest

from tests.product.shop import Shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    return shop
