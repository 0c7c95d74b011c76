"""Invalid tokens and other credentials are refused by the gateway already, not only by the service."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.gateway.fake_services import SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _invalid_tokens(keys: SigningKeys) -> dict[str, str]:
    other = SigningKeys()
    claims = keys.claims()
    good = keys.token()
    head, body, signature = good.split(".")
    now = int(time.time())
    return {
        "unsigned": f"{_part({'alg': 'none', 'kid': keys.key_id})}.{body}.",
        "unsigned, in capitals": f"{_part({'alg': 'NONE', 'kid': keys.key_id})}.{body}.",
        "signed with the public key": jwt.encode(
            claims, keys.public_bytes, algorithm="HS256", headers={"kid": keys.key_id}
        ),
        "of another issuer's key": other.token(),
        "of an unknown key": other.token(headers={"kid": "unknown"}),
        "of a traversing key": other.token(headers={"kid": "../../../../dev/null"}),
        "with its own key": other.token(headers={"jwk": other.jwks["keys"][0]}),
        "with the address of its key": other.token(headers={"jku": "http://127.0.0.1:1/keys"}),
        "for another audience": keys.token(aud="order"),
        "without an audience": keys.token(aud=None),
        "of another issuer": keys.token(iss="order"),
        "expired": keys.token(exp=now - 30, iat=now - 600),
        "without an end": keys.token(exp=None),
        "valid for a year": keys.token(exp=now + 365 * 86400),
        "not valid yet": keys.token(nbf=now + 300),
        "with another body": f"{head}.{_part(claims | {'role': 'admin'})}.{signature}",
        "without a signature": f"{head}.{body}.",
        "cut": good[:-4],
        "not a token": "abc",
        "empty parts": "..",
        "a service's": jwt.encode(
            {"iss": "order", "aud": "user", "iat": now, "exp": now + 60}, other.private, "EdDSA", {"kid": "svc-order"}
        ),
    }


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/cart"])
async def test_every_invalid_token_is_refused(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys, path: str
) -> None:
    upstream.received.clear()
    for name, token in _invalid_tokens(keys).items():
        response = await gateway.request("GET", path, token=token)
        assert response.status == 401, name
        response.problem(401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer"), name
    assert not upstream.received


async def test_a_valid_token_is_accepted_and_forwarded(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    token = keys.token()
    upstream.received.clear()
    assert (await gateway.request("GET", "/api/auth/me", token=token)).status == 200
    assert upstream.received[-1].headers["authorization"] == f"Bearer {token}"


async def test_an_optional_route_accepts_requests_with_and_without_a_token(
    gateway: GatewayProcess, keys: SigningKeys
) -> None:
    assert (await gateway.get("/api/cart")).status == 200
    assert (await gateway.request("GET", "/api/cart", token=keys.token())).status == 200


async def test_a_route_that_needs_a_permission_accepts_only_roles_that_have_it(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    upstream.received.clear()
    (await gateway.get("/api/monitoring/services")).problem(401, "unauthenticated")
    for role in ("customer", "Admin", "admin2", "", "xadmin"):
        token = keys.token(role)
        (await gateway.request("GET", "/api/monitoring/services", token=token)).problem(403, "forbidden")
    forged = keys.token(role=["admin"])  # type: ignore[arg-type]  # a list that contains the role
    (await gateway.request("GET", "/api/monitoring/services", token=forged)).problem(403, "forbidden")
    assert not upstream.received
    assert (await gateway.request("GET", "/api/monitoring/services", token=keys.token("admin"))).status == 200


@pytest.mark.parametrize("path", ["/api/categories", "/api/cart", "/api/auth/me", "/api/monitoring/services"])
@pytest.mark.parametrize("scheme", ["Service", "service", "Basic", "bearer", "Bearer,", "Token"])
async def test_other_kinds_of_credentials_are_refused(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys, path: str, scheme: str
) -> None:
    upstream.received.clear()
    response = await gateway.get(path, authorization=f"{scheme} {keys.token('admin')}")
    response.problem(401, "unauthenticated")
    assert not upstream.received


@pytest.mark.parametrize("path", ["/api/categories", "/api/cart", "/api/auth/me", "/api/monitoring/services"])
async def test_two_credentials_are_refused(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys, path: str
) -> None:
    admin, customer = f"Bearer {keys.token('admin')}", f"Bearer {keys.token()}"
    upstream.received.clear()
    for pair in ((admin, customer), (customer, admin), (admin, "Service x"), ("Service x", admin)):
        response = await gateway.request("GET", path, headers=[("authorization", one) for one in pair])
        response.problem(401, "unauthenticated")
    (await gateway.get(path, authorization=f"{admin}, {customer}")).problem(401, "unauthenticated")
    assert not upstream.received


async def test_a_token_of_100_kb_is_too_large(gateway: GatewayProcess) -> None:
    (await gateway.request("GET", "/api/auth/me", token="a" * 100_000)).problem(431, "headers_too_large")


async def test_a_token_in_the_query_is_ignored(gateway: GatewayProcess, keys: SigningKeys) -> None:
    (await gateway.get(f"/api/auth/me?access_token={keys.token()}")).problem(401, "unauthenticated")
