"""A minimal HTTP GET client for loopback, with the standard library only, to keep the supervisor's memory small.

It supports as much of HTTP/1.1 as our own short responses need. Anything else counts as a failed request.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 4 << 20


class RequestFailed(Exception):
    """Nothing listens, the response is late, or it is not HTTP."""


async def get(url: str, timeout_s: float = 2.0, *, host: str = "") -> tuple[int, bytes]:
    """Status and body. `host` is the Host header, if it differs from the address. Raises `RequestFailed`."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _get(url, host)
    except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError, EOFError) as problem:
        raise RequestFailed(f"{url}: {problem!r}") from problem


async def get_json(url: str, timeout_s: float = 2.0) -> Any:
    """The document of a 200 response. Raises `RequestFailed` for anything else."""
    status, body = await get(url, timeout_s)
    if status != 200:
        raise RequestFailed(f"{url}: {status}")
    try:
        return json.loads(body)
    except ValueError as problem:
        raise RequestFailed(f"{url}: {problem}") from problem


async def accepts_connections(host: str, port: int, timeout_s: float = 1.0) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _get(url: str, host: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    tls = None
    if parts.scheme == "https":
        # The certificate is not for the loopback address.
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    port = parts.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls, limit=MAX_ANSWER_BYTES)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host or parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        status = int(head[0].split(" ")[1])
        if headers.get("transfer-encoding") == "chunked":
            return status, await _chunks(reader)
        if "content-length" in headers:
            return status, await reader.readexactly(min(int(headers["content-length"]), MAX_ANSWER_BYTES))
        return status, await reader.read(MAX_ANSWER_BYTES)
    finally:
        writer.close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(body) + size > MAX_ANSWER_BYTES:
            raise ValueError("the response is too long")
        body += (await reader.readexactly(size + 2))[:-2]
    return body
