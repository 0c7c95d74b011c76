"""Keys and tokens of a test installation."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serai import topology
from serai.chassis.auth.signer import Signer
from serai.chassis.calls import proof
from serai.chassis.calls.instance import Instance


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwk(kid: str, key: Ed25519PrivateKey, *, private: bool = False) -> dict[str, str]:
    public = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid}
    public["x"] = base64url(key.public_key().public_bytes_raw())
    return public | {"d": base64url(key.private_bytes_raw())} if private else public


KID = "test-key"
KEY = Ed25519PrivateKey.generate()
JWKS = json.dumps({"keys": [jwk(KID, KEY)]})
JWT_KEYS = json.dumps({"keys": [jwk(KID, KEY, private=True)]})

_SERVICES = {name: Ed25519PrivateKey.generate() for name in topology.BY_NAME}
SERVICE_SEEDS = {name: base64url(key.private_bytes_raw()) for name, key in _SERVICES.items()}
SERVICE_KEYS = json.dumps({name: base64url(key.public_key().public_bytes_raw()) for name, key in _SERVICES.items()})


def environ(service: str, database_url: str = "", **more: str) -> dict[str, str]:
    """The environment of `service` in a test."""
    return {
        "SERAI_MODE": "local",
        "SERAI_PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": database_url,
        "SERAI_JWKS": JWKS,
        "SERAI_SERVICE_KEY": SERVICE_SEEDS[service],
        "SERAI_SERVICE_KEYS": SERVICE_KEYS,
        "SERAI_LOG_LEVEL": "warning",
        **more,
    }


def instance(service: str, port: int, id_: str = "") -> Instance:
    """An instance on this machine as its service would register it, with its proof."""
    return proven(Instance(id_ or f"{service}-1", service, "127.0.0.1", port))


def proven(instance: Instance) -> Instance:
    return proof.signed(instance, SERVICE_SEEDS[instance.service])


def claims(user_id: UUID, role: str = "customer", **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": "serai",
        "aud": "serai",
        "sub": str(user_id),
        "sid": str(uuid4()),
        "role": role,
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid4()),
        **more,
    }


def user_token(user_id: UUID, role: str = "customer", **more: Any) -> str:
    """An access token as the user service would sign it; `more` overrides claims."""
    return jwt.encode(claims(user_id, role, **more), KEY, algorithm="EdDSA", headers={"kid": KID})


def as_user(user_id: UUID, role: str = "customer", **more: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {user_token(user_id, role, **more)}"}


def as_service(caller: str, callee: str, on_behalf_of: UUID | None = None) -> dict[str, str]:
    return {"authorization": f"Service {Signer(caller, SERVICE_SEEDS[caller]).token(callee, on_behalf_of)}"}
