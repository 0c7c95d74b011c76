"""docs/routes.md has one row per route, with its policy, limits and timeout."""

from __future__ import annotations

from typing import Any

import pytest

from serai.gateway.route_table import route_table
from serai.gateway.routes import service_routes
from tests.gateway.fake_services import DOCUMENTS


def _row(**operation: Any) -> list[str]:
    page = route_table(service_routes({"cart": {"paths": {"/api/x": {"post": {"x-policy": "public", **operation}}}}}))
    (row,) = (line for line in page.splitlines() if "`/api/x`" in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_route_has_one_row() -> None:
    page = route_table(service_routes(DOCUMENTS))
    for route in service_routes(DOCUMENTS):
        assert page.count(f"| {route.method} | `{route.template}` |") == 1


def test_a_row_has_the_limits_of_its_route() -> None:
    assert _row() == ["POST", "`/api/x`", "anyone", "none", "15 s", "1 MiB", "no", "no"]
    given = {
        "x-policy": "signed_in",
        "x-needs": "orders:fulfil",
        "x-rate-limit": "orders",
        "x-timeout-s": 0.5,
        "x-max-body-bytes": 1500,
    }
    assert _row(**given)[2:6] == ["`orders:fulfil`", "orders: 600 a minute, burst 600", "0.5 s", "1500 bytes"]
    more = {"x-policy": "signed_in", "x-more-with": ["orders:read"]}
    assert _row(**more)[2] == "signed in, more with `orders:read`"
    assert _row(**{"x-stream": True})[4] == "none (stream)"


def test_an_unknown_class_of_limit_is_an_error() -> None:
    with pytest.raises(KeyError, match="orderz"):
        _row(**{"x-rate-limit": "orderz"})
