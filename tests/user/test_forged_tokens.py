"""Tokens forged without the private key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests import tokens
from tests.tokens import KEY, KID, base64url, claims
from tests.user.conftest import Users

OTHER = Ed25519PrivateKey.generate()
USER = UUID("01890000-0000-7000-8000-000000000001")


def raw(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"") -> str:
    parts = (base64url(json.dumps(header).encode()), base64url(json.dumps(body).encode()), base64url(signature))
    return ".".join(parts)


def hs256(secret: bytes) -> str:
    signing = raw({"alg": "HS256", "typ": "JWT", "kid": KID}, claims(USER)).rpartition(".")[0]
    return f"{signing}.{base64url(hmac.digest(secret, signing.encode(), hashlib.sha256))}"


def signed(body: dict[str, Any], key: Ed25519PrivateKey = KEY, **header: Any) -> str:
    return jwt.encode(body, key, algorithm="EdDSA", headers={"kid": KID, **header})


def without(name: str) -> str:
    return signed({key: value for key, value in claims(USER).items() if key != name})


PUBLIC = KEY.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
NOW = int(time.time())

FORGED = {
    "no algorithm": raw({"alg": "none", "typ": "JWT", "kid": KID}, claims(USER)),
    "no algorithm, in capitals": raw({"alg": "NONE", "kid": KID}, claims(USER)),
    "no algorithm but a signature": raw({"alg": "none", "kid": KID}, claims(USER), b"x" * 64),
    "hmac with the public key": hs256(PUBLIC.public_bytes_raw()),
    "hmac with the public key as PEM": hs256(PEM),
    "hmac with the key set": hs256(tokens.JWKS.encode()),
    "hmac with nothing": hs256(b""),
    "another key": signed(claims(USER), OTHER),
    "no kid": jwt.encode(claims(USER), KEY, algorithm="EdDSA"),
    "unknown kid": signed(claims(USER), OTHER, kid="unknown"),
    "traversing kid": signed(claims(USER), OTHER, kid="../../../dev/null"),
    "kid with SQL": signed(claims(USER), OTHER, kid="' or '1'='1"),
    "kid of a service": signed(claims(USER), OTHER, kid="svc-order"),
    "embedded key": signed(claims(USER), OTHER, jwk=tokens.jwk(KID, OTHER)),
    "key from elsewhere": signed(claims(USER), OTHER, jku="https://evil.example/jwks.json", x5u="https://evil.example"),
    "unknown critical header": signed(claims(USER), crit=["serai"], serai=True),
    "wrong audience": signed(claims(USER, aud="user")),
    "several audiences, none ours": signed(claims(USER, aud=["a", "b"])),
    "wrong issuer": signed(claims(USER, iss="evil")),
    "expired": signed(claims(USER, iat=NOW - 1200, exp=NOW - 600)),
    "not yet valid": signed(claims(USER, nbf=NOW + 600)),
    "issued in the future": signed(claims(USER, iat=NOW + 600, exp=NOW + 1200)),
    "subject no id": signed(claims(USER, sub="admin")),
    "subject a number": signed(claims(USER, sub=1)),
    "session no id": signed(claims(USER, sid="1")),
    "no expiry": without("exp"),
    "no session": without("sid"),
    "no role": without("role"),
    "no subject": without("sub"),
    "no audience": without("aud"),
    "no issuer": without("iss"),
    "body of a list": ".".join(
        (base64url(b'{"alg":"EdDSA","kid":"test-key"}'), base64url(b"[]"), base64url(b"x" * 64))
    ),
    "header no object": ".".join((base64url(b"1"), base64url(b"{}"), "")),
    "a changed body": ".".join(
        part if at != 1 else base64url(json.dumps(claims(USER, "admin")).encode())
        for at, part in enumerate(signed(claims(USER)).split("."))
    ),
    "half a token": signed(claims(USER)).rpartition(".")[0],
    "two tokens": f"{signed(claims(USER))} {signed(claims(USER))}",
    "huge": "A" * 30_000,
    "huge claims": signed(claims(USER, more="A" * 100_000)),
    "dots": "...",
    "nothing": "",
    "no base64": "ä.ö.ü".encode().decode("latin-1"),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
async def test_refuses_a_forged_token_everywhere(users: Users, token: str) -> None:
    headers: Any = {"authorization": f"Bearer {token}".encode("latin-1")}
    for path in ("/api/auth/me", "/api/users", f"/api/users/{USER}"):
        answer = await users.client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["bearer", "Basic", "Token", ""])
async def test_refuses_another_scheme(users: Users, scheme: str) -> None:
    token = (await users.signed_in())["authorization"].partition(" ")[2]
    answer = await users.client.get("/api/auth/me", headers={"authorization": f"{scheme} {token}".strip()})
    assert answer.status_code == 401


async def test_refuses_two_authorization_headers(users: Users) -> None:
    own = (await users.signed_in())["authorization"]
    other = tokens.as_user(uuid4())["authorization"]
    headers = [("authorization", own), ("authorization", other)]
    assert (await users.client.get("/api/auth/me", headers=headers)).status_code == 401


async def test_a_service_token_is_no_user_and_a_user_token_no_service(users: Users) -> None:
    ada = await users.signed_in()
    me = (await users.client.get("/api/auth/me", headers=ada)).json()["id"]
    service = tokens.as_service("order", "user", UUID(me))
    assert (await users.client.get("/api/auth/me", headers=service)).status_code == 403
    as_bearer = {"authorization": service["authorization"].replace("Service", "Bearer")}
    assert (await users.client.get("/api/auth/me", headers=as_bearer)).status_code == 401
    as_service = {"authorization": ada["authorization"].replace("Bearer", "Service")}
    assert (await users.client.get(f"/internal/users/{me}", headers=as_service)).status_code == 401


@pytest.mark.parametrize(("caller", "audience", "status"), [("order", "cart", 401), ("discovery", "user", 401)])
async def test_a_service_calls_only_whom_it_may(users: Users, caller: str, audience: str, status: int) -> None:
    answer = await users.client.get(f"/internal/users/{USER}", headers=tokens.as_service(caller, audience))
    assert answer.status_code == status


def test_a_good_token_of_the_same_making_would_pass() -> None:
    """Ensures that the tokens above are refused for what is wrong with them."""
    token = signed(claims(USER))
    assert jwt.decode(token, PUBLIC, algorithms=["EdDSA"], audience="serai")["sub"] == str(USER)
    assert base64.urlsafe_b64decode(token.partition(".")[0] + "==").startswith(b"{")
