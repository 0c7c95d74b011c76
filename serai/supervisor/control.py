"""The control socket of a running supervisor, which only its owner can open. The request is one line, the response
several.

The socket is in its own folder below the system's temporary folder, because the path of a socket is limited to 107
bytes and an installation may have a longer one. `run.json` has its path.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from serai.supervisor.home import Home, read_json

MAX_LINE_BYTES = 4096
REQUEST_TIMEOUT_S = 5.0
#: The longest pause between two lines of a response: a process may take 90 s to start.
RESPONSE_TIMEOUT_S = 150.0
_FOLDER = "serai-control-"
_MAX_FOLDER_BYTES = 60


class Refused(Exception):
    """The request was not carried out, or not completely; the message says why."""


#: Sends progress, and tells whether the client is still connected.
Say: TypeAlias = Callable[[str], None]
IsListening: TypeAlias = Callable[[], bool]
#: Carries out a request. Raises `Refused`.
Handler: TypeAlias = Callable[[dict[str, Any], Say, IsListening], Awaitable[None]]


@asynccontextmanager
async def listen(handle: Handler) -> AsyncIterator[Path]:
    """Accept requests while the block runs, one at a time. Yields the socket's path."""
    temporary = tempfile.gettempdir()
    if len(os.fsencode(temporary)) > _MAX_FOLDER_BYTES:
        temporary = "/tmp"  # noqa: S108  a private folder is created in it
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=temporary))
    busy = asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _serve(handle, busy, reader, writer)
        finally:
            writer.close()

    try:
        path = folder / "socket"
        server = await asyncio.start_unix_server(serve, path, limit=MAX_LINE_BYTES, backlog=4)
        path.chmod(0o600)
        async with server:
            yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_socket(home: Home) -> None:
    """Remove the socket of a killed supervisor of this installation. The caller holds the lock."""
    recorded = (read_json(home.run) or {}).get("control")
    if isinstance(recorded, str) and Path(recorded).parent.name.startswith(_FOLDER):
        shutil.rmtree(Path(recorded).parent, ignore_errors=True)


def send_request(path: Path, request: dict[str, Any]) -> Iterator[str]:
    """The progress that the supervisor reports. Raises `Refused`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(REQUEST_TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            connection.settimeout(RESPONSE_TIMEOUT_S)
            with connection.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE_BYTES * 8):
                    answer = json.loads(line)
                    if "refused" in answer:
                        raise Refused(answer["refused"])
                    if "done" in answer:
                        return
                    yield answer["say"]
    except (OSError, ValueError) as problem:
        raise Refused(f"the supervisor does not answer: {problem}") from problem
    raise Refused("the supervisor ended before the request was completed")


async def _serve(
    handle: Handler, busy: asyncio.Lock, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    def reply(answer: dict[str, Any]) -> None:
        # The client may be gone; a few short lines then stay in a buffer that is freed with the connection.
        if not writer.is_closing():
            writer.write(json.dumps(answer).encode() + b"\n")

    with suppress(ConnectionError):
        try:
            request = await _read(reader)
            if busy.locked():
                raise Refused("another restart is in progress; try again later")
            async with busy:
                await handle(request, lambda text: reply({"say": text}), lambda: not reader.at_eof())
        except Refused as refusal:
            reply({"refused": str(refusal)})
        else:
            reply({"done": True})
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            line = await reader.readline()
        request = json.loads(line)
    except (ValueError, TimeoutError) as problem:
        raise Refused("the request is malformed") from problem
    if not isinstance(request, dict):
        raise Refused("the request is malformed")
    return request
