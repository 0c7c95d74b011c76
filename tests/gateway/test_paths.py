"""No spelling of a path or header gets anyone anywhere that its plain spelling does not."""

from __future__ import annotations

import pytest

from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Keys, Upstream


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
async def test_no_spelling_of_a_private_path_is_public(gate: Gate, upstream: Upstream, path: str) -> None:
    upstream.seen.clear()
    (await gate.get(path)).problem(401, "unauthenticated")
    assert not upstream.seen


@pytest.mark.parametrize(
    "path", ["/api%2Fauth/me", "/api/products/a%2f..%2fb", "/api/products/a%5Cb", "/api/%5c/auth/me"]
)
async def test_refuses_escaped_slashes(gate: Gate, path: str) -> None:
    (await gate.get(path)).problem(400, "bad_request")


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
async def test_what_no_route_names_is_not_there(gate: Gate, upstream: Upstream, path: str) -> None:
    upstream.seen.clear()
    (await gate.get(path)).problem(404, "not_found")
    assert not upstream.seen


@pytest.mark.parametrize("path", ["http://elsewhere.example/api/auth/me", "/api/auth/me#x", "/api/auth/me\x01"])
async def test_no_other_form_of_a_target_is_public(gate: Gate, upstream: Upstream, path: str) -> None:
    upstream.seen.clear()
    assert (await gate.get(path)).status in (400, 401)
    assert not upstream.seen


async def test_the_service_sees_the_path_that_was_decided_upon(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    assert (await gate.get("/api//products/../products/%41?q=a%2Fb")).status == 200
    assert upstream.seen[-1].path == "/api/products/A?q=a%2Fb"


async def test_the_rest_of_a_media_path_is_passed_on(gate: Gate) -> None:
    assert (await gate.get("/media/a/b/c.webp")).json["path"] == "/media/a/b/c.webp"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "PROPFIND", "HEAD"])
async def test_another_method_of_a_known_path_is_told_the_right_ones(
    gate: Gate, upstream: Upstream, method: str
) -> None:
    upstream.seen.clear()
    answer = await gate.ask(method, "/api/categories", body=b"" if method == "PUT" else None)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET"
    if method != "HEAD":
        answer.problem(405, "method_not_allowed")
    assert not upstream.seen


async def test_a_fixed_path_is_not_taken_for_an_id(gate: Gate) -> None:
    answer = await gate.get("/api/orders/quote")
    answer.problem(405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_connect_is_refused(gate: Gate) -> None:
    answer = await gate.raw(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: 127.0.0.1:22\r\n\r\n")
    assert answer.status >= 400


async def test_identity_cannot_be_forged_by_headers(gate: Gate, upstream: Upstream, keys: Keys) -> None:
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
    upstream.seen.clear()
    assert (await gate.ask("GET", "/api/auth/me", headers=forged, token=keys.token())).status == 200
    for name, value in forged.items():
        assert upstream.seen[-1].headers.get(name.lower()) != value, name


@pytest.mark.parametrize("name", ["x_user_id", "X_User_Role", "authorization_"])
async def test_refuses_headers_with_underscores(gate: Gate, upstream: Upstream, name: str) -> None:
    upstream.seen.clear()
    (await gate.get("/api/categories", **{name: "1"})).problem(400, "bad_request")
    assert not upstream.seen


async def test_the_client_address_is_the_connection_s(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    await gate.get("/api/categories", **{"x-forwarded-for": "203.0.113.7"})
    assert upstream.seen[-1].headers["x-envoy-external-address"] == "127.0.0.1"


async def test_every_route_without_its_token_is_refused_before_its_service(gate: Gate, upstream: Upstream) -> None:
    for document in DOCUMENTS.values():
        for template, item in document["paths"].items():
            path = template.replace("{path:path}", "a/b").replace("{id_or_slug}", "1").replace("{id}", "1")
            for method, operation in item.items():
                if operation["x-policy"] == "signed_in":
                    upstream.seen.clear()
                    (await gate.ask(method.upper(), path)).problem(401, "unauthenticated")
                    assert not upstream.seen, path
