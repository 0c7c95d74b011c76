"""What a token's signer and its verifier agree on, and the public keys of the user service's tokens."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from serai.chassis.errors import Unauthenticated

ISSUER = AUDIENCE = "serai"
SERVICE_TOKEN_S = 60
#: How many tokens or sessions a process remembers at most.
CACHE_SIZE = 4096


class KeySet:
    """Public keys of the user service's tokens by key id. Fetches the current set when a key id is unknown, at most
    every 5 seconds."""

    def __init__(self, jwks: str, fetch: Callable[[], Awaitable[bytes]] | None = None) -> None:
        self._keys = _parse_jwks(jwks.encode())
        self._fetch = fetch
        self._fetched_at = -60.0

    async def key(self, kid: str) -> Ed25519PublicKey:
        """Raises `Unauthenticated` for a key id that the user service does not publish."""
        if kid not in self._keys and self._fetch is not None and time.monotonic() - self._fetched_at > 5.0:
            self._fetched_at = time.monotonic()
            self._keys = _parse_jwks(await self._fetch()) or self._keys
        try:
            return self._keys[kid]
        except KeyError:
            raise Unauthenticated("The token is signed with a key we do not know.") from None


def decode_base64url(text: str) -> bytes:
    """Base64url with or without its padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _parse_jwks(document: bytes) -> dict[str, Ed25519PublicKey]:
    keys = msgspec.json.decode(document).get("keys", [])
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(decode_base64url(key["x"]))
        for key in keys
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
    }
