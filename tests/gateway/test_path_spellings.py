"""No spelling of a path reaches a service without the token that the path's plain spelling requires."""

from __future__ import annotations

import asyncio
import re
import string
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.gateway.routes import Route, paths, service_routes
from tests.gateway.fake_services import DOCUMENTS, Upstream
from tests.gateway.gateway_process import GatewayProcess

SPELLINGS = {
    # Decoded once too often or once too little, these are another, private path.
    401: [
        "/api\\auth\\me",
        "/api/categories\\..\\auth\\me",
        "/api/categories/..;/auth/me",
        "/api/categories/%2e%2e/auth/me",
        "/api/categories/.%2e/auth/me",
        "/../api/auth/me",
        "/media/../api/auth/me",
        "/media/%2e%2e/api/auth/me",
        "/media/a/../../api/auth/me",
        "/api/auth/m%65",
        "/api/auth/me??x",
    ],
    400: [
        "/%2fapi/auth/me",
        "/media/..%2fapi/auth/me",
        "/media/%5c..%5cx",
        "/media/.%00./x",
        "/api/auth/me%00",
        "/api/auth/me%00.json",
        "/api/products/%00",
        "/api/auth/me#",
        "/api/products/a b",
        "/api/products/\u00e9",
    ],
    404: [
        "/api/auth/me;x=1",
        "/api/auth;x/me",
        "/api;/auth/me",
        "/;/api/auth/me",
        "/api/auth/ME",
        "/api/auth/me/",
        "/api/auth/me/.",
        "/api/auth/me%20",
        "/api/auth/me%0d%0a",
        "/api/auth/me%3fx",
        "/api%3f/auth/me",
        "/api/%252e%252e/auth/me",
        "/api/%c0%ae%c0%ae/auth/me",
        "/api/auth%c0%afme",
        "/api/auth%e0%80%afme",
        "/api/auth%u002fme",
        "/api/categories/../../internal/events",
        "/media/../internal/events",
        "/../../../../etc/passwd",
    ],
}


async def test_every_spelling_of_a_private_path_is_refused(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    for status, spellings in SPELLINGS.items():
        requests = [f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in spellings]
        responses = await asyncio.gather(*map(gateway.raw, requests))
        assert {p: a.status for p, a in zip(spellings, responses, strict=True)} == dict.fromkeys(spellings, status)
    assert not upstream.received


@pytest.mark.parametrize(
    "name", ["%C0%AF", "%c0%ae%c0%ae", "%252e%252e", "%252f", "%25%32%66", "%zz", "%", "%u002e", "..%c0%af", "1%3Bx"]
)
async def test_undecodable_names_are_forwarded_unchanged(
    gateway: GatewayProcess, upstream: Upstream, name: str
) -> None:
    """Such a name is one segment for the gateway and for the service: neither decodes it further."""
    upstream.received.clear()
    assert (await gateway.get(f"/api/products/{name}")).status == 200
    (received,) = upstream.received
    assert received.path.count("/") == 3
    assert unquote(received.path, errors="replace") == unquote(f"/api/products/{name}", errors="replace")


_SEGMENTS = st.sampled_from(
    sorted({segment for document in DOCUMENTS.values() for path in document["paths"] for segment in path.split("/")})
)


_ODD = st.text(alphabet=string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@%/\\ \t?#\x00\x7f\u00e9", max_size=8)


_DOTS = st.sampled_from(
    [".", "..", "%2e", "%2E%2e", ".%2e", "..;", "%2f", "%5c", "%00", "", "%252e", ";a=b", "internal"]
)


_TARGET = st.lists(st.one_of(_SEGMENTS, _DOTS, _ODD), min_size=1, max_size=8).map(lambda parts: "/" + "/".join(parts))


ROUTES = service_routes(DOCUMENTS)


def _route(method: str, path: str) -> Route | None:
    """The route of a normalized path."""
    for found in paths(ROUTES):
        if re.fullmatch(found.regex, path):
            return next((route for route in found.routes if route.method == method), None)
    return None


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=_TARGET, method=st.sampled_from(["GET", "GET", "POST", "PUT", "DELETE", "HEAD"]))
async def test_random_paths_reach_no_private_route_without_a_token(
    gateway: GatewayProcess, upstream: Upstream, target: str, method: str
) -> None:
    upstream.received.clear()
    head = f"{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    body = "content-length: 0\r\n\r\n" if method in ("POST", "PUT") else "\r\n"
    response = await gateway.raw((head + body).encode())
    for received in upstream.received:
        route = _route(received.method, received.path.partition("?")[0])
        assert route is not None, (target, received.path)
        assert route.policy in ("public", "optional"), (target, received.path)
        assert received.method == method
        assert not received.path.startswith("/internal")
    if not upstream.received:
        # A response of the gateway, its own pages, 503 for the client application (not running here), or 400 of the
        # test's server for a target with a line break.
        assert response.status in (200, 304, 307, 400, 401, 404, 405, 413, 426, 429, 431, 503), (
            target,
            response.status,
        )
