"""The page of routes says of each what the edge does with it."""

from __future__ import annotations

from typing import Any

import pytest

from serai.gateway.routes import service_routes
from serai.gateway.table import route_table
from tests.gateway.shop import DOCUMENTS


def _row(**operation: Any) -> list[str]:
    page = route_table(service_routes({"cart": {"paths": {"/api/x": {"post": {"x-policy": "public", **operation}}}}}))
    (row,) = (line for line in page.splitlines() if "`/api/x`" in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_every_route_is_on_it_once() -> None:
    page = route_table(service_routes(DOCUMENTS))
    for route in service_routes(DOCUMENTS):
        assert page.count(f"| {route.method} | `{route.template}` |") == 1


def test_a_route_says_what_holds_for_it() -> None:
    assert _row() == ["POST", "`/api/x`", "anyone", "none", "15 s", "1 MiB", "no", "no"]
    given = {
        "x-policy": "signed_in",
        "x-needs": "orders:fulfil",
        "x-rate-limit": "orders",
        "x-timeout-s": 0.5,
        "x-max-body-bytes": 1500,
    }
    assert _row(**given)[2:6] == ["`orders:fulfil`", "orders: 600 a minute, 600 at once", "0.5 s", "1500 bytes"]
    more = {"x-policy": "signed_in", "x-more-with": ["orders:read"]}
    assert _row(**more)[2] == "signed in, more with `orders:read`"
    assert _row(**{"x-stream": True})[4] == "while it is read"


def test_a_class_without_figures_is_no_page() -> None:
    with pytest.raises(KeyError, match="orderz"):
        _row(**{"x-rate-limit": "orderz"})
