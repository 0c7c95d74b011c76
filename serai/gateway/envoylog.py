"""What Envoy logs, passed on as lines of this process, and remembered where it says why it refused something."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import re
from collections import deque

log = logging.getLogger(__name__)

#: For Envoy's command line: one line each, whatever is in the message.
FORMAT = "%l %n %j"
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
_WHY = re.compile(r"config(?: update)? (?:rejected|failure): *(.*)", re.DOTALL)
#: A refusal may quote the whole of what was refused.
_MAX_LINE = 16 * 1024
_MAX_SHOWN = 2000
_MAX_REASON = 500
#: So that Envoy, whose threads wait for a full pipe, does not notice if this process stands still for a while.
_PIPE_BYTES = 1 << 20


class EnvoyLog:
    def __init__(self) -> None:
        self._reasons: deque[str] = deque(maxlen=16)

    def reasons(self) -> list[str]:
        """Why something was refused, since the last time this was asked."""
        found = list(self._reasons)
        self._reasons.clear()
        return found

    async def follow(self, reading: int) -> None:
        """Until Envoy ends. Closes `reading`, the end of a pipe."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            kept = b""
            while chunk := await stream.read(64 * 1024):
                *lines, kept = (kept + chunk).split(b"\n")
                kept = kept[:_MAX_LINE]
                for line in lines:
                    self._pass_on(line)
            self._pass_on(kept)
        finally:
            transport.close()

    def _pass_on(self, line: bytes) -> None:
        text = line[:_MAX_LINE].decode(errors="replace").strip()
        if not text:
            return
        level, _, rest = text.partition(" ")
        if level not in _LEVELS:
            # Not from its logger: the loader, a sanitizer, the end of a crash.
            log.error("envoy: %s", text[:_MAX_SHOWN])
            return
        name, _, escaped = rest.partition(" ")
        message = _unescaped(escaped)
        log.log(_LEVELS[level], "envoy %s: %s", name, message[:_MAX_SHOWN])
        found = _WHY.search(message)
        if found or level == "critical":
            self._reasons.append(" ".join((found[1] if found else message).split())[:_MAX_REASON])


def _unescaped(text: str) -> str:
    try:
        found: str = json.loads(f'"{text}"')
    except ValueError:
        # Cut in the middle of an escape.
        return text
    return found
