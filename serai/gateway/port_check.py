"""Checks that the gateway's port is free. Otherwise Envoy starts without a listener and says so only in its log."""

from __future__ import annotations

import time

from serai.chassis.process.ports import is_free

#: How long the port of a killed predecessor may take to become free.
_WAIT_S = 1.5


def wait_until_free(host: str, port: int) -> bool:
    """Returns True as soon as the address can be listened on, or False if it is still taken after `_WAIT_S`."""
    deadline = time.monotonic() + _WAIT_S
    while not (free := is_free(port, host)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return free
