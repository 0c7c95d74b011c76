"""What the gateway keeps on disk, so that after a restart it opens as it was, whoever else is away by then.

Addresses are not here: the client of the registry keeps its own. A damaged file is as good as none, and said so.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from serai.gateway.files import write_atomically
from serai.gateway.snapshot import public_keys

log = logging.getLogger(__name__)


class Kept:
    def __init__(self, folder: Path) -> None:
        self._keys = folder / "jwks.json"
        self._opened = folder / "opened.json"

    def keys(self, configured: str) -> dict[str, Any]:
        """The keys of tokens to begin with: the last that the user service told, or else those of our settings."""
        try:
            return public_keys(self._keys.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.warning("the keys kept in %s cannot be used: %s", self._keys, error)
        try:
            return public_keys(configured)
        except ValueError as error:
            log.info("no keys from SERAI_JWKS: %s", error)
        return {}

    def keep_keys(self, keys: dict[str, Any]) -> None:
        """Raises OSError."""
        write_atomically(self._keys, msgspec.json.encode(keys))

    def was_open(self, services: Collection[str]) -> bool:
        """Whether these were all there once, so that what is missing now is missed on its own routes only."""
        try:
            opened = msgspec.json.decode(self._opened.read_bytes(), type=set[str])
        except FileNotFoundError:
            return False
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s cannot be used, so the API opens when every service is there: %s", self._opened, error)
            return False
        return opened >= set(services)

    def keep_open(self, services: Collection[str]) -> None:
        """Raises OSError."""
        write_atomically(self._opened, msgspec.json.encode(sorted(services)))
