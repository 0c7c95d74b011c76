"""Headers in which a client claims an identity, an address or another target do not reach a service."""

from __future__ import annotations

from tests.gateway.fake_services import SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess

FORGED_HEADERS = {
    "x-user-id": "1",
    "X-User-Role": "admin",
    "x-user-": "1",
    "x-service-name": "order",
    "x-service-token": "1",
    "x-envoy-original-path": "/internal",
    "x-envoy-original-url": "/internal",
    "x-envoy-decorator-operation": "1",
    "x-envoy-external-address": "203.0.113.9",
    "x-envoy-internal": "true",
    "x-envoy-retry-on": "5xx",
    "x-envoy-max-retries": "9",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-upstream-rq-per-try-timeout-ms": "1",
    "x-envoy-force-trace": "true",
    "x-serai-anything": "1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "x-forwarded-prefix": "/evil",
    "x-forwarded-user": "admin",
    "x-forwarded-client-cert": "Subject=admin",
    "forwarded": "for=203.0.113.9;host=evil.example",
    "x-real-ip": "203.0.113.9",
    "x-http-method-override": "DELETE",
    "x-original-url": "/internal",
    "x-rewrite-url": "/internal",
    "proxy": "http://evil.example",
}


async def test_identity_headers_of_clients_are_removed(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    upstream.received.clear()
    twice = [pair for pair in FORGED_HEADERS.items() for _ in range(2)]
    assert (await gateway.request("GET", "/api/auth/me", headers=twice, token=keys.token())).status == 200
    (received,) = upstream.received
    for name, value in FORGED_HEADERS.items():
        assert value not in received.headers.get(name.lower(), ""), name
    assert received.path == "/api/auth/me"


async def test_no_header_replaces_a_token(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    assert (await gateway.request("GET", "/api/auth/me", headers=FORGED_HEADERS)).status == 401
    assert not upstream.received
