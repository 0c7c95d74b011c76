"""Access tokens and the keys that sign them.

The first key of the set signs, and all are published. To rotate keys, append the new one, wait until every verifier
has fetched it, and move it to the front.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serai.chassis.auth.tokens import AUDIENCE, ISSUER
from serai.chassis.ids import new_id
from serai.chassis.settings import SettingsError

ACCESS_LIFE_S = 600


class _Key(msgspec.Struct, frozen=True):
    kty: str
    crv: str
    kid: str
    d: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[_Key]


class AccessTokens:
    """Signs with the first key of the private JWK set `document`. Raises `SettingsError` if the set is not usable."""

    def __init__(self, document: str) -> None:
        try:
            keys = [(key.kid, _private(key)) for key in msgspec.json.decode(document, type=_KeySet).keys]
        except (msgspec.MsgspecError, ValueError) as error:
            raise SettingsError([f"SERAI_JWT_KEYS is not a JWK set of private Ed25519 keys: {error}"]) from None
        if not keys or len({kid for kid, _ in keys}) != len(keys):
            raise SettingsError(["SERAI_JWT_KEYS contains no key, or two keys with the same kid"])
        self._kid, self._key = keys[0]
        #: The public JWK set, as JSON.
        self.jwks = json.dumps({"keys": [_public(kid, key) for kid, key in keys]})

    def issue(self, user_id: UUID, session_id: UUID, role: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "role": role,
            "iat": now,
            "exp": now + ACCESS_LIFE_S,
            "jti": str(new_id()),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._kid})


def ephemeral_keys() -> str:
    """A new key set: for a service started by hand, and for generating the OpenAPI document."""
    seed = base64.urlsafe_b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": secrets.token_hex(8), "d": seed}]})


def _private(key: _Key) -> Ed25519PrivateKey:
    if (key.kty, key.crv) != ("OKP", "Ed25519"):
        raise ValueError(f"key {key.kid} is not an Ed25519 key")
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(key.d + "=" * (-len(key.d) % 4)))


def _public(kid: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x}
