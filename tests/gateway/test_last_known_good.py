"""The last known good state: the keys of access tokens, and for which services the API was open."""

from __future__ import annotations

import json
from pathlib import Path

from serai.gateway.last_known_good import LastKnownGood
from tests.gateway.fake_services import SigningKeys


def test_was_open_needs_every_service(tmp_path: Path) -> None:
    state = LastKnownGood(tmp_path)
    assert not state.was_open(["cart"])
    state.save_opened(["order", "cart"])
    assert state.was_open(["cart"])
    assert state.was_open(["cart", "order"])
    assert not state.was_open(["cart", "order", "web"])


def test_the_last_fetched_keys_come_before_those_of_the_settings(tmp_path: Path) -> None:
    state, fetched, configured = LastKnownGood(tmp_path), SigningKeys().jwks, SigningKeys("other").jwks
    assert state.load_jwks("") == {}
    assert state.load_jwks(json.dumps(configured)) == configured
    state.save_jwks(fetched)
    assert state.load_jwks(json.dumps(configured)) == fetched
