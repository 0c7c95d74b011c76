"""All secrets of one installation: generated on the first start, stored in one file that only its owner can read.

No secret has a default value that two installations could share.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from serai import topology
from serai.supervisor.home import Home, read_json, write_json

#: The signers of service tokens: every service, and the gateway's agent.
SIGNERS = (*topology.BY_NAME, "gateway")

DEMO_LOGINS = (
    ("admin", "admin@serai.example"),
    ("customer", "ada@serai.example"),
    ("customer", "grace@serai.example"),
)


@dataclass(frozen=True, slots=True)
class Keys:
    postgres: str
    registry_token: str
    stripe: str
    webhook: str
    #: Each service's database password.
    databases: dict[str, str]
    #: Each signer's Ed25519 seed and public key, base64url.
    seeds: dict[str, str]
    publics: dict[str, str]
    #: JWK sets; the private one is only for the user service.
    jwt_private: str
    jwt_public: str


def load(home: Home) -> Keys:
    """The installation's keys. Missing ones (first start, new service) are generated and stored."""
    stored: dict[str, Any] = read_json(home.keys) or {}
    complete = dict(stored)
    complete.setdefault("postgres", secrets.token_urlsafe(32))
    complete.setdefault("registry_token", secrets.token_urlsafe(32))
    complete.setdefault("stripe", f"sk_test_{secrets.token_hex(24)}")
    complete.setdefault("webhook", f"whsec_{secrets.token_hex(24)}")
    databases = complete.get("databases", {})
    complete["databases"] = databases | {
        name: secrets.token_urlsafe(32) for name in topology.WITH_DATABASE if name not in databases
    }
    signers = complete.get("signers", {})
    complete["signers"] = signers | {name: _key_pair() for name in SIGNERS if name not in signers}
    if "jwt" not in complete:
        complete["jwt"] = {"kid": secrets.token_hex(8), **_key_pair()}
    if complete != stored:
        write_json(home.keys, complete)
    public = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
    public |= {"kid": complete["jwt"]["kid"], "x": complete["jwt"]["public"]}
    return Keys(
        postgres=complete["postgres"],
        registry_token=complete["registry_token"],
        stripe=complete["stripe"],
        webhook=complete["webhook"],
        databases=complete["databases"],
        seeds={name: pair["seed"] for name, pair in complete["signers"].items()},
        publics={name: pair["public"] for name, pair in complete["signers"].items()},
        jwt_private=json.dumps({"keys": [public | {"d": complete["jwt"]["seed"]}]}),
        jwt_public=json.dumps({"keys": [public]}),
    )


def logins(home: Home) -> list[dict[str, str]]:
    """The demo accounts of a local installation, with generated passwords."""
    stored = read_json(home.logins)
    if stored is None:
        stored = {
            "logins": [
                {"role": role, "email": email, "password": secrets.token_urlsafe(12)} for role, email in DEMO_LOGINS
            ]
        }
        write_json(home.logins, stored)
    known: list[dict[str, str]] = stored["logins"]
    return known


def _key_pair() -> dict[str, str]:
    # Imported only on the first start.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return {
        "seed": _base64url(private.private_bytes_raw()),
        "public": _base64url(private.public_key().public_bytes_raw()),
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
