"""The last known good state on disk, so that a restarted gateway can serve while other services are down.

It holds the keys of access tokens and whether the API was open. The registry client keeps the addresses itself. A
damaged file is logged and treated as missing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from serai.gateway.jwks import parse_jwks
from serai.gateway.resource_files import write_atomically

log = logging.getLogger(__name__)


class LastKnownGood:
    def __init__(self, folder: Path) -> None:
        self._keys = folder / "jwks.json"
        self._opened = folder / "opened.json"

    def load_jwks(self, configured: str) -> dict[str, Any]:
        """The initial keys of access tokens: the last ones fetched from the user service, or else `configured` (a JWK
        set).
        """
        try:
            return parse_jwks(self._keys.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.warning("the keys in %s cannot be used: %s", self._keys, error)
        try:
            return parse_jwks(configured)
        except ValueError as error:
            log.info("no keys from SERAI_JWKS: %s", error)
        return {}

    def save_jwks(self, load_jwks: dict[str, Any]) -> None:
        """Raises OSError."""
        write_atomically(self._keys, msgspec.json.encode(load_jwks))

    def was_open(self, services: Collection[str]) -> bool:
        """Whether all of `services` were available once. If so, one that is missing now affects its own routes only."""
        try:
            opened = msgspec.json.decode(self._opened.read_bytes(), type=set[str])
        except FileNotFoundError:
            return False
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s cannot be used, so the API opens when every service is there: %s", self._opened, error)
            return False
        return opened >= set(services)

    def save_opened(self, services: Collection[str]) -> None:
        """Raises OSError."""
        write_atomically(self._opened, msgspec.json.encode(sorted(services)))
