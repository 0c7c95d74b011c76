"""Passes Envoy's log lines on to this process's log, and keeps the reasons for rejected configuration."""

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

#: Envoy's --log-format: level, logger name and message (%j escapes it as JSON, so each entry is one line).
FORMAT = "%l %n %j"
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
_REASON = re.compile(r"config(?: update)? (?:rejected|failure): *(.*)", re.DOTALL)
#: A rejection may quote the complete rejected resource.
_MAX_LINE = 16 * 1024
_MAX_SHOWN = 2000
_MAX_REASON = 500
#: A large pipe: Envoy's threads block when it is full, so it must hold what they log while this process is paused.
_PIPE_BYTES = 1 << 20


class EnvoyLog:
    def __init__(self) -> None:
        self._reasons: deque[str] = deque(maxlen=16)

    def take_reasons(self) -> list[str]:
        """The reasons for rejections since the last call."""
        found = list(self._reasons)
        self._reasons.clear()
        return found

    async def follow(self, read_end: int) -> None:
        """Reads the pipe until Envoy ends, then closes `read_end`."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
        )
        try:
            rest = b""
            while chunk := await stream.read(64 * 1024):
                *lines, rest = (rest + chunk).split(b"\n")
                rest = rest[:_MAX_LINE]
                for line in lines:
                    self._log_line(line)
            self._log_line(rest)
        finally:
            transport.close()

    def _log_line(self, line: bytes) -> None:
        text = line[:_MAX_LINE].decode(errors="replace").strip()
        if not text:
            return
        level, _, rest = text.partition(" ")
        if level not in _LEVELS:
            # Not from Envoy's logger: the dynamic loader, a sanitizer, or a crash.
            log.error("envoy: %s", text[:_MAX_SHOWN])
            return
        name, _, escaped = rest.partition(" ")
        message = _unescaped(escaped)
        log.log(_LEVELS[level], "envoy %s: %s", name, message[:_MAX_SHOWN])
        found = _REASON.search(message)
        if found or level == "critical":
            self._reasons.append(" ".join((found[1] if found else message).split())[:_MAX_REASON])


def _unescaped(text: str) -> str:
    try:
        found: str = json.loads(f'"{text}"')
    except ValueError:
        # Truncated in the middle of an escape sequence.
        return text
    return found
