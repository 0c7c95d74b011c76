"""The public keys of access tokens, as a JWK set (RFC 7517, RFC 8037)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import aiohttp
import msgspec

#: Used until the user service's keys are known, because Envoy rejects an empty key set. The key is a hash, not the
#: public half of a key pair, so nobody can sign a token for it.
PLACEHOLDER_JWKS: dict[str, Any] = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": "nobody",
            "x": urlsafe_b64encode(sha256(b"serai: no key is known yet").digest()).rstrip(b"=").decode(),
        }
    ]
}
_MAX_KEYS = 16
_KEY_BYTES = 32
_PUBLIC_MEMBERS = ("kty", "crv", "alg", "use", "kid", "x")
#: The largest key set that is read.
_MAX_BYTES = 64 * 1024


async def fetch_jwks(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """The key set that the user service at `url` publishes.

    Raises aiohttp.ClientError, TimeoutError, OSError, or ValueError for an unusable or too large key set.
    """
    async with session.get(f"{url}/.well-known/jwks.json", allow_redirects=False) as response:
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError(f"a key set of more than {_MAX_BYTES} bytes")
    return parse_jwks(bytes(body))


def parse_jwks(raw: bytes | str) -> dict[str, Any]:
    """The public Ed25519 keys of a JWK set, without other members. Raises ValueError if there are none or too many."""
    try:
        document = msgspec.json.decode(raw, type=dict[str, list[dict[str, Any]]])
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a JWK set: {error}") from error
    keys = [
        {name: key[name] for name in _PUBLIC_MEMBERS if name in key}
        for key in document.get("keys", [])
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and key.get("kid") and _is_key(key.get("x"))
    ]
    if not 0 < len(keys) <= _MAX_KEYS:
        raise ValueError(f"a JWK set with {len(keys)} usable keys; 1 to {_MAX_KEYS} are")
    return {"keys": keys}


def _is_key(x: object) -> bool:
    """Whether it is a key of the right length. Envoy rejects a whole key set because of one malformed key."""
    try:
        return isinstance(x, str) and len(urlsafe_b64decode(x + "=" * (-len(x) % 4))) == _KEY_BYTES
    except ValueError:
        return False
