"""A JWK set is reduced to its public Ed25519 keys."""

from __future__ import annotations

import json

import pytest

from serai.gateway.jwks import parse_jwks
from tests.gateway.fake_services import SigningKeys


def test_private_members_are_removed() -> None:
    keys = SigningKeys()
    leaky = {"keys": [keys.jwks["keys"][0] | {"d": "secret"}]}
    assert parse_jwks(json.dumps(leaky)) == keys.jwks


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}',
        '{"keys": [{"kty": "RSA", "kid": "a", "n": "x", "e": "AQAB"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "abc"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "abc"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "a"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": 7}]}',
    ],
)
def test_refuses_a_key_set_without_a_usable_key(text: str) -> None:
    with pytest.raises(ValueError, match="JWK set"):
        parse_jwks(text)
