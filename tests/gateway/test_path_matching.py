"""Paths are normalized and matched exactly; identity headers of clients are dropped."""

from __future__ import annotations

import pytest

from tests.gateway.fake_services import DOCUMENTS, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


@pytest.mark.parametrize(
    "path",
    [
        "/api/auth/me",
        "//api/auth/me",
        "/api//auth/me",
        "/api/./auth/me",
        "/api/categories/../auth/me",
        "/%61pi/auth/me",
        "/api/auth/%6de",
        "/api/auth/me?x=1",
        "/api/auth/me?/../../categories",
    ],
)
async def test_every_spelling_of_a_private_path_needs_a_token(
    gateway: GatewayProcess, upstream: Upstream, path: str
) -> None:
    upstream.received.clear()
    (await gateway.get(path)).problem(401, "unauthenticated")
    assert not upstream.received


@pytest.mark.parametrize(
    "path", ["/api%2Fauth/me", "/api/products/a%2f..%2fb", "/api/products/a%5Cb", "/api/%5c/auth/me"]
)
async def test_refuses_escaped_slashes(gateway: GatewayProcess, path: str) -> None:
    (await gateway.get(path)).problem(400, "bad_request")


@pytest.mark.parametrize(
    "path",
    [
        "/api/ordersXYZ",
        "/api/orders/",
        "/api/orders/1/2",
        "/api",
        "/api/",
        "/api/nothing",
        "/API/orders",
        "/internal/events",
        "/api/../internal/events",
        "/metrics",
        "/livez",
        "/readyz",
        "/v1/catalog/services",
        "/healthz/",
        "/docs/../metrics",
        "/openapi/%2e%2e/metrics",
        "/openapi.jsonx",
        "/products/",
        "/products/a/b",
        "/index.html",
        "/assets",
        "/assets/a/b.js",
        "/admin",
        "/x" * 2000,
    ],
)
async def test_paths_without_a_route_are_404(gateway: GatewayProcess, upstream: Upstream, path: str) -> None:
    upstream.received.clear()
    (await gateway.get(path)).problem(404, "not_found")
    assert not upstream.received


@pytest.mark.parametrize("path", ["http://elsewhere.example/api/auth/me", "/api/auth/me#x", "/api/auth/me\x01"])
async def test_other_forms_of_a_private_target_are_refused(
    gateway: GatewayProcess, upstream: Upstream, path: str
) -> None:
    upstream.received.clear()
    assert (await gateway.get(path)).status in (400, 401)
    assert not upstream.received


async def test_the_service_gets_the_normalized_path(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    assert (await gateway.get("/api//products/../products/%41?q=a%2Fb")).status == 200
    assert upstream.received[-1].path == "/api/products/A?q=a%2Fb"


async def test_a_path_parameter_matches_several_segments(gateway: GatewayProcess) -> None:
    assert (await gateway.get("/media/a/b/c.webp")).json["path"] == "/media/a/b/c.webp"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "PROPFIND", "HEAD"])
async def test_another_method_of_a_known_path_is_405_with_allow(
    gateway: GatewayProcess, upstream: Upstream, method: str
) -> None:
    upstream.received.clear()
    response = await gateway.request(method, "/api/categories", body=b"" if method == "PUT" else None)
    assert response.status == 405
    assert response.headers["allow"] == "GET"
    if method != "HEAD":
        response.problem(405, "method_not_allowed")
    assert not upstream.received


async def test_a_literal_path_wins_over_a_parameter(gateway: GatewayProcess) -> None:
    response = await gateway.get("/api/orders/quote")
    response.problem(405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_connect_is_refused(gateway: GatewayProcess) -> None:
    response = await gateway.raw(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: 127.0.0.1:22\r\n\r\n")
    assert response.status >= 400


async def test_identity_cannot_be_forged_by_headers(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    forged = {
        "X-User-Id": "1",
        "x-user-role": "admin",
        "X-Service-Name": "order",
        "x-envoy-original-path": "/internal",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-serai-id": "12345678",
        "x-serai-timeout-ms": "1",
        "x-forwarded-host": "evil.example",
        "forwarded": "for=1.2.3.4",
        "x-http-method-override": "DELETE",
        "x-original-url": "/internal",
    }
    upstream.received.clear()
    assert (await gateway.request("GET", "/api/auth/me", headers=forged, token=keys.token())).status == 200
    for name, value in forged.items():
        assert upstream.received[-1].headers.get(name.lower()) != value, name


@pytest.mark.parametrize("name", ["x_user_id", "X_User_Role", "authorization_"])
async def test_refuses_headers_with_underscores(gateway: GatewayProcess, upstream: Upstream, name: str) -> None:
    upstream.received.clear()
    (await gateway.get("/api/categories", **{name: "1"})).problem(400, "bad_request")
    assert not upstream.received


async def test_the_client_address_is_that_of_the_connection(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    await gateway.get("/api/categories", **{"x-forwarded-for": "203.0.113.7"})
    assert upstream.received[-1].headers["x-envoy-external-address"] == "127.0.0.1"


async def test_every_route_without_its_token_is_refused_before_its_service(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    for document in DOCUMENTS.values():
        for template, item in document["paths"].items():
            path = template.replace("{path:path}", "a/b").replace("{id_or_slug}", "1").replace("{id}", "1")
            for method, operation in item.items():
                if operation["x-policy"] == "signed_in":
                    upstream.received.clear()
                    (await gateway.request(method.upper(), path)).problem(401, "unauthenticated")
                    assert not upstream.received, path
