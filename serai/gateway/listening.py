"""Finds out whether the gateway's port is free. Envoy alone would start without it and say so only in its log."""

from __future__ import annotations

import time

from serai.chassis.process.ports import is_free

#: A predecessor that was killed takes a moment to give its port up.
_PATIENCE_S = 1.5


def becomes_free(host: str, port: int) -> bool:
    """Whether the address can be listened on, now or in a moment."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (free := is_free(port, host)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return free
