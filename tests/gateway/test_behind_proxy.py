"""A gateway as in production: own host names, a trusted proxy in front, and an application of another origin (CORS)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
async def fronted(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[GatewayProcess]:
    consul = await FakeConsul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = GatewayProcess(
        tmp_path_factory.mktemp("fronted"),
        {
            "SERAI_OPENAPI": str(documents),
            "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
            "SERAI_JWKS": json.dumps(keys.jwks),
            "SERAI_HOSTS": "localhost,shop.example",
            "SERAI_TRUSTED_HOPS": "1",
            "SERAI_CORS_ORIGINS": ORIGIN,
            "SERAI_LIMIT_SIGN_IN": "60/2",
            "SERAI_GATEWAY_ACCESS_LOG": "0",
        },
    )
    await gateway.start()
    await gateway.until_all_serve(keys.token("admin"))
    yield gateway
    await gateway.stop()
    await consul.stop()


async def _as_host(gateway: GatewayProcess, host: str) -> int:
    request = f"GET /api/categories HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    return (await gateway.raw(request.encode())).status


async def test_only_configured_host_names_are_served(fronted: GatewayProcess) -> None:
    assert await _as_host(fronted, "shop.example") == 200
    assert await _as_host(fronted, "shop.example:8080") == 200
    assert await _as_host(fronted, "SHOP.example") == 200
    assert await _as_host(fronted, "elsewhere.example") == 404
    assert await _as_host(fronted, "127.0.0.1") == 404


async def test_the_client_address_is_what_the_trusted_proxy_reports(
    fronted: GatewayProcess, upstream: Upstream
) -> None:
    await fronted.get("/api/categories", **{"x-forwarded-for": "198.51.100.9, 203.0.113.7"})
    assert upstream.received[-1].headers["x-envoy-external-address"] == "203.0.113.7"


async def test_each_client_address_has_its_own_limit(fronted: GatewayProcess) -> None:
    async def sign_in(address: str) -> int:
        headers = {"x-forwarded-for": address}
        return (await fronted.request("POST", "/api/auth/login", headers=headers, body=b"{}")).status

    assert [await sign_in("203.0.113.1") for _ in range(3)] == [200, 200, 429]
    assert [await sign_in("203.0.113.2") for _ in range(3)] == [200, 200, 429]
    # The rest of the header was written by the client.
    assert await sign_in("203.0.113.99, 203.0.113.2") == 429


async def test_a_preflight_needs_no_token(fronted: GatewayProcess) -> None:
    preflight = {"origin": ORIGIN, "access-control-request-method": "PATCH"}
    response = await fronted.request("OPTIONS", "/api/auth/me", headers=preflight)
    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "idempotency-key" in response.headers["access-control-allow-headers"]
    assert response.headers["access-control-allow-credentials"] == "true"


async def test_the_allowed_origin_may_read_responses(fronted: GatewayProcess) -> None:
    response = await fronted.get("/api/categories", origin=ORIGIN)
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in response.headers["access-control-expose-headers"]


async def test_the_allowed_origin_may_read_error_responses(fronted: GatewayProcess) -> None:
    response = await fronted.get("/api/auth/me", origin=ORIGIN)
    response.problem(401, "unauthenticated")
    assert response.headers["access-control-allow-origin"] == ORIGIN
    exposed = response.headers["access-control-expose-headers"]
    assert {"retry-after", "ratelimit", "etag", "location"} <= set(exposed.split(", "))


async def test_vary_names_origin_so_that_caches_keep_origins_apart(fronted: GatewayProcess) -> None:
    for headers in ({"origin": ORIGIN}, {"origin": "https://evil.example"}, {}):
        response = await fronted.get("/api/categories?large=", **headers, **{"accept-encoding": "br"})
        reported = {word.strip().lower() for word in response.headers["vary"].split(",")}
        assert reported == {"authorization", "origin", "accept-encoding"}


async def test_two_origin_headers_get_no_cors_headers(fronted: GatewayProcess) -> None:
    two = [("origin", ORIGIN), ("origin", "https://evil.example")]
    response = await fronted.request("GET", "/api/categories", headers=two)
    assert "access-control-allow-origin" not in response.headers
    preflight = [*two, ("access-control-request-method", "GET")]
    assert (await fronted.request("OPTIONS", "/api/categories", headers=preflight)).status == 405


async def test_an_absolute_target_must_name_a_served_host(fronted: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    request = b"GET http://elsewhere.example/api/categories HTTP/1.1\r\nhost: shop.example\r\n\r\n"
    (await fronted.raw(request)).problem(404, "not_found")
    assert not upstream.received


@pytest.mark.parametrize("origin", ["https://app.example.evil", "http://app.example", "null", "https://x.app.example"])
async def test_other_origins_are_not_allowed(fronted: GatewayProcess, origin: str) -> None:
    preflight = {"origin": origin, "access-control-request-method": "GET"}
    assert (await fronted.request("OPTIONS", "/api/categories", headers=preflight)).status == 405
    response = await fronted.get("/api/categories", origin=origin)
    assert "access-control-allow-origin" not in response.headers


async def test_the_access_log_can_be_turned_off(fronted: GatewayProcess) -> None:
    assert '"message":"request"' not in fronted.log
