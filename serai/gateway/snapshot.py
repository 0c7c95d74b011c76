"""What the gateway knows of the system at one moment: enough to make every file that Envoy reads."""

from __future__ import annotations

import ipaddress
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

#: Envoy refuses an empty key set, so this stands in until the user service's keys are known. Its bytes are a hash and
#: not anybody's public key, so there is no private half that could sign for it.
NOBODY: dict[str, Any] = {
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


class Endpoint(msgspec.Struct, frozen=True, order=True):
    host: str
    port: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    #: Instances that pass their checks, by service.
    services: Mapping[str, tuple[Endpoint, ...]] = {}
    #: The user service's public keys; none means that no token is believed.
    jwks: Mapping[str, Any] = {}
    #: Whether the API is served at all: from the moment every service was there once.
    open: bool = False
    #: Whether this gateway is on its way out, so that whoever balances over it looks elsewhere.
    draining: bool = False

    def endpoints(self, service: str) -> tuple[Endpoint, ...]:
        """In order, each address once: an id that changed leaves two registrations at one address for a while."""
        return tuple(sorted(set(self.services.get(service, ()))))


def endpoint(host: str, port: int) -> Endpoint | None:
    """None for what is no address to Envoy: it would refuse all of a service for one name among its instances."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    # An address with a zone means something on one machine only.
    return Endpoint(host, port) if "%" not in host and 1 <= port <= 65535 else None


def public_keys(raw: bytes | str) -> dict[str, Any]:
    """A JWK set reduced to the public Ed25519 keys in it. Raises ValueError when there is none, or too many."""
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
    """Envoy refuses a whole set for one key in it that is none."""
    try:
        return isinstance(x, str) and len(urlsafe_b64decode(x + "=" * (-len(x) % 4))) == _KEY_BYTES
    except ValueError:
        return False
