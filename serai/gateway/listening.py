"""Finds out whether the gate's port is free. Envoy alone would start without it and say so only in its log."""

from __future__ import annotations

import socket
import time

#: A predecessor that was killed takes a moment to give its port up.
_PATIENCE_S = 1.5


def becomes_free(host: str, port: int) -> bool:
    """Whether the address can be listened on, now or in a moment."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (free := _is_free(host, port)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return free


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True
