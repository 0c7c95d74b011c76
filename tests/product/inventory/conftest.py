"""These tests look at nothing but the products they create, so one service answers all of them."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url
