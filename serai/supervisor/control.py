"""The way to a supervisor that runs: a socket which only its owner may open. One line asks, lines answer.

The socket has a folder of its own under the system's temporary one, because the path of a socket may have 107 bytes
and an installation can lie deeper than that; `run.json` names it.
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
ASK_TIMEOUT_S = 5.0
#: The longest silence between two lines of an answer: a part may take 90 s to start.
ANSWER_TIMEOUT_S = 150.0
_FOLDER = "serai-control-"
_LONGEST_PLACE_BYTES = 60


class Refused(Exception):
    """What was asked was not done, or not to the end; the message says why."""


#: What is said while it is being done, and whether somebody still listens to that.
Say: TypeAlias = Callable[[str], None]
Listening: TypeAlias = Callable[[], bool]
#: Carries out a request. Raises `Refused`.
Do: TypeAlias = Callable[[dict[str, Any], Say, Listening], Awaitable[None]]


@asynccontextmanager
async def listen(do: Do) -> AsyncIterator[Path]:
    """Take requests for as long as the block runs, one at a time; says where."""
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > _LONGEST_PLACE_BYTES:
        place = "/tmp"  # noqa: S108  a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=place))
    busy = asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _serve(do, busy, reader, writer)
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


def forget(home: Home) -> None:
    """Remove what a killed supervisor of this installation left of its socket. The caller holds the lock."""
    named = (read_json(home.run) or {}).get("control")
    if isinstance(named, str) and Path(named).parent.name.startswith(_FOLDER):
        shutil.rmtree(Path(named).parent, ignore_errors=True)


def ask(path: Path, request: dict[str, Any]) -> Iterator[str]:
    """What the supervisor says while it does it. Raises `Refused`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ASK_TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            connection.settimeout(ANSWER_TIMEOUT_S)
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
    raise Refused("the supervisor ended before it was done")


async def _serve(do: Do, busy: asyncio.Lock, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def tell(answer: dict[str, Any]) -> None:
        # Whoever asked may be gone; a few short lines then wait in a buffer that goes with the connection.
        if not writer.is_closing():
            writer.write(json.dumps(answer).encode() + b"\n")

    with suppress(ConnectionError):
        try:
            request = await _read(reader)
            if busy.locked():
                raise Refused("another restart is under way; try again when it is done")
            async with busy:
                await do(request, lambda text: tell({"say": text}), lambda: not reader.at_eof())
        except Refused as refusal:
            tell({"refused": str(refusal)})
        else:
            tell({"done": True})
        async with asyncio.timeout(ASK_TIMEOUT_S):
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            line = await reader.readline()
        request = json.loads(line)
    except (ValueError, TimeoutError) as problem:
        raise Refused("that is not a request") from problem
    if not isinstance(request, dict):
        raise Refused("that is not a request")
    return request
