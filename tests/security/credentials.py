"""Credentials for tests of access control: valid, expired, and of services."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_decode

from serai.chassis.auth.signer import Signer
from serai.supervisor import keys
from serai.supervisor.home import Home
from tools.shop.system import System


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_of(client: httpx.Client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def expired(system: System, token: str) -> str:
    """The same token, signed by the user service's key, but expired."""
    key = json.loads(keys.load(Home(system.home)).jwt_private)["keys"][0]
    claims = jwt.decode(token, options={"verify_signature": False})
    claims |= {"iat": int(time.time()) - 3600, "exp": int(time.time()) - 3000, "jti": str(uuid4())}
    private = Ed25519PrivateKey.from_private_bytes(base64url_decode(key["d"]))
    return jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": key["kid"]})


def of_service(system: System, caller: str, callee: str) -> dict[str, str]:
    """A valid service token, which only services accept."""
    seed = keys.load(Home(system.home)).seeds[caller]
    return {"Authorization": f"Service {Signer(caller, seed).token(callee)}"}
