"""Who gets in with which token. The service checks again; the edge must already refuse all of these."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.gateway.gate import Gate
from tests.gateway.shop import Keys, Upstream


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _bad(keys: Keys) -> dict[str, str]:
    other = Keys()
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
async def test_no_bad_token_gets_in(gate: Gate, upstream: Upstream, keys: Keys, path: str) -> None:
    upstream.seen.clear()
    for name, token in _bad(keys).items():
        answer = await gate.ask("GET", path, token=token)
        assert answer.status == 401, name
        answer.problem(401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer"), name
    assert not upstream.seen


async def test_a_good_token_gets_in_and_goes_on(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    token = keys.token()
    upstream.seen.clear()
    assert (await gate.ask("GET", "/api/auth/me", token=token)).status == 200
    assert upstream.seen[-1].headers["authorization"] == f"Bearer {token}"


async def test_optional_means_that_a_visitor_may_pass(gate: Gate, keys: Keys) -> None:
    assert (await gate.get("/api/cart")).status == 200
    assert (await gate.ask("GET", "/api/cart", token=keys.token())).status == 200


async def test_only_a_role_with_the_permission_passes_where_one_is_needed(
    gate: Gate, upstream: Upstream, keys: Keys
) -> None:
    upstream.seen.clear()
    (await gate.get("/api/monitoring/services")).problem(401, "unauthenticated")
    for role in ("customer", "Admin", "admin2", "", "xadmin"):
        token = keys.token(role)
        (await gate.ask("GET", "/api/monitoring/services", token=token)).problem(403, "forbidden")
    (await gate.ask("GET", "/api/monitoring/services", token=keys.token(role=["admin"]))).problem(403, "forbidden")  # type: ignore[arg-type]  # forged
    assert not upstream.seen
    assert (await gate.ask("GET", "/api/monitoring/services", token=keys.token("admin"))).status == 200


@pytest.mark.parametrize("path", ["/api/categories", "/api/cart", "/api/auth/me", "/api/monitoring/services"])
@pytest.mark.parametrize("scheme", ["Service", "service", "Basic", "bearer", "Bearer,", "Token"])
async def test_no_other_kind_of_credential_passes(
    gate: Gate, upstream: Upstream, keys: Keys, path: str, scheme: str
) -> None:
    upstream.seen.clear()
    answer = await gate.get(path, authorization=f"{scheme} {keys.token('admin')}")
    answer.problem(401, "unauthenticated")
    assert not upstream.seen


@pytest.mark.parametrize("path", ["/api/categories", "/api/cart", "/api/auth/me", "/api/monitoring/services"])
async def test_nobody_is_two_people(gate: Gate, upstream: Upstream, keys: Keys, path: str) -> None:
    admin, customer = f"Bearer {keys.token('admin')}", f"Bearer {keys.token()}"
    upstream.seen.clear()
    for pair in ((admin, customer), (customer, admin), (admin, "Service x"), ("Service x", admin)):
        answer = await gate.ask("GET", path, headers=[("authorization", one) for one in pair])
        answer.problem(401, "unauthenticated")
    (await gate.get(path, authorization=f"{admin}, {customer}")).problem(401, "unauthenticated")
    assert not upstream.seen


async def test_a_token_of_100_kb_is_too_large(gate: Gate) -> None:
    (await gate.ask("GET", "/api/auth/me", token="a" * 100_000)).problem(431, "headers_too_large")


async def test_a_token_is_not_taken_from_the_address(gate: Gate, keys: Keys) -> None:
    (await gate.get(f"/api/auth/me?access_token={keys.token()}")).problem(401, "unauthenticated")
