"""Signs the tokens by which a service proves its name to another."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serai.chassis.auth.tokens import CACHE_SIZE, SERVICE_TOKEN_S, decode_base64url


class Signer:
    """Signs this service's tokens, and reuses each for half of its 60 seconds."""

    def __init__(self, service: str, seed: str) -> None:
        self._service = service
        self._key = Ed25519PrivateKey.from_private_bytes(decode_base64url(seed))
        self._tokens: OrderedDict[tuple[str, UUID | None], tuple[float, str]] = OrderedDict()

    def token(self, audience: str, on_behalf_of: UUID | None = None) -> str:
        """A token for the service `audience`, which acts for the user `on_behalf_of` when one is given."""
        now = time.time()
        known = self._tokens.get((audience, on_behalf_of))
        if known is not None and known[0] > now:
            return known[1]
        claims: dict[str, Any] = {
            "iss": self._service,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + SERVICE_TOKEN_S,
        }
        if on_behalf_of is not None:
            claims["on_behalf_of"] = str(on_behalf_of)
        token = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": f"svc-{self._service}"})
        self._tokens[audience, on_behalf_of] = (now + SERVICE_TOKEN_S / 2, token)
        if len(self._tokens) > CACHE_SIZE:
            self._tokens.popitem(last=False)
        return token
