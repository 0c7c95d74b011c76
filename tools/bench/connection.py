"""A minimal persistent HTTP/1.1 connection: the load generator shares its cores with what it measures.

It supports only what our gateway and sandbox send. Anything else fails the run.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from tools.bench.figures import LoadFailed

REQUEST_TIMEOUT_S = 15.0
MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024


class Answer:
    __slots__ = ("_head", "body", "status")

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status = int(head[9:12])
        self.body = body
        self._head = head

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def header(self, name: str) -> str | None:
        return _header(self._head, name)


class Connection:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> Answer:
        """`headers` are lines that end in CRLF. Raises `LoadFailed` when there is no response in time."""
        request = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{headers}"
        request += f"Content-Length: {len(body)}\r\n\r\n" if body or method != "GET" else "\r\n"
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await self._ask(request.encode() + body)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as problem:
            raise LoadFailed(f"{method} {path}: {problem!r}") from problem

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=MAX_HEAD_BYTES)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _header(head, "content-length")
        if length is not None:
            if int(length) > MAX_BODY_BYTES:
                raise ValueError(f"the answer has {length} bytes")
            body = await reader.readexactly(int(length))
        elif _header(head, "transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = b""
        if (_header(head, "connection") or "").lower() == "close":
            self.close()
        return Answer(head, body)


def _header(head: bytes, name: str) -> str | None:
    at = head.lower().find(f"\r\n{name}:".encode())
    if at < 0:
        return None
    at += len(name) + 3
    return head[at : head.index(b"\r\n", at)].strip().decode("latin-1")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(body) + size > MAX_BODY_BYTES:
            raise ValueError("the answer is too long")
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
