"""Only IP addresses with a port become endpoints."""

from __future__ import annotations

import pytest

from serai.gateway.system_state import Endpoint, parse_endpoint


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1"])
def test_an_ip_address_is_an_endpoint(host: str) -> None:
    assert parse_endpoint(host, 80) == Endpoint(host, 80)


@pytest.mark.parametrize(
    ("host", "port"),
    [("", 80), ("localhost", 80), ("127.1", 80), ("fe80::1%eth0", 80), ("[::1]", 80), ("::1", 0), ("::1", 65536)],
)
def test_anything_else_is_no_endpoint(host: str, port: int) -> None:
    assert parse_endpoint(host, port) is None
