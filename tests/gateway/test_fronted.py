"""A gateway as it stands in production: one host name, a proxy in front, a browser application elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
async def fronted(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: Keys, upstream: Upstream
) -> AsyncIterator[Gate]:
    consul = await Consul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = Gate(
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
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield gate
    await gate.stop()
    await consul.stop()


async def _as_host(gate: Gate, host: str) -> int:
    request = f"GET /api/categories HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    return (await gate.raw(request.encode())).status


async def test_only_its_own_names_are_served(fronted: Gate) -> None:
    assert await _as_host(fronted, "shop.example") == 200
    assert await _as_host(fronted, "shop.example:8080") == 200
    assert await _as_host(fronted, "SHOP.example") == 200
    assert await _as_host(fronted, "elsewhere.example") == 404
    assert await _as_host(fronted, "127.0.0.1") == 404


async def test_the_address_is_what_the_trusted_proxy_says(fronted: Gate, upstream: Upstream) -> None:
    await fronted.get("/api/categories", **{"x-forwarded-for": "198.51.100.9, 203.0.113.7"})
    assert upstream.seen[-1].headers["x-envoy-external-address"] == "203.0.113.7"


async def test_each_address_has_a_limit_of_its_own(fronted: Gate) -> None:
    async def sign_in(address: str) -> int:
        headers = {"x-forwarded-for": address}
        return (await fronted.ask("POST", "/api/auth/login", headers=headers, body=b"{}")).status

    assert [await sign_in("203.0.113.1") for _ in range(3)] == [200, 200, 429]
    assert [await sign_in("203.0.113.2") for _ in range(3)] == [200, 200, 429]
    # Whatever else stands in the header was written by the client.
    assert await sign_in("203.0.113.99, 203.0.113.2") == 429


async def test_a_preflight_needs_no_token(fronted: Gate) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "PATCH"}
    answer = await fronted.ask("OPTIONS", "/api/auth/me", headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_the_application_may_read_answers(fronted: Gate) -> None:
    answer = await fronted.get("/api/categories", origin=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers["access-control-expose-headers"]


async def test_the_application_may_read_refusals_too(fronted: Gate) -> None:
    answer = await fronted.get("/api/auth/me", origin=ORIGIN)
    answer.problem(401, "unauthenticated")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    exposed = answer.headers["access-control-expose-headers"]
    assert {"retry-after", "ratelimit", "etag", "location"} <= set(exposed.split(", "))


async def test_no_cache_gives_one_origin_s_answer_to_another(fronted: Gate) -> None:
    for headers in ({"origin": ORIGIN}, {"origin": "https://evil.example"}, {}):
        answer = await fronted.get("/api/categories?large=", **headers, **{"accept-encoding": "br"})
        told = {word.strip().lower() for word in answer.headers["vary"].split(",")}
        assert told == {"authorization", "origin", "accept-encoding"}


async def test_two_origins_are_none(fronted: Gate) -> None:
    two = [("origin", ORIGIN), ("origin", "https://evil.example")]
    answer = await fronted.ask("GET", "/api/categories", headers=two)
    assert "access-control-allow-origin" not in answer.headers
    asked = [*two, ("access-control-request-method", "GET")]
    assert (await fronted.ask("OPTIONS", "/api/categories", headers=asked)).status == 405


async def test_a_target_names_no_host_that_is_not_served(fronted: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    request = b"GET http://elsewhere.example/api/categories HTTP/1.1\r\nhost: shop.example\r\n\r\n"
    (await fronted.raw(request)).problem(404, "not_found")
    assert not upstream.seen


@pytest.mark.parametrize("origin", ["https://app.example.evil", "http://app.example", "null", "https://x.app.example"])
async def test_nobody_else_may(fronted: Gate, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "GET"}
    assert (await fronted.ask("OPTIONS", "/api/categories", headers=asked)).status == 405
    answer = await fronted.get("/api/categories", origin=origin)
    assert "access-control-allow-origin" not in answer.headers


async def test_no_line_is_logged_for_a_request_when_told_so(fronted: Gate) -> None:
    assert '"message":"request"' not in fronted.log
