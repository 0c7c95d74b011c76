"""The benchmark's HTTP connection, against a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tools.bench.connection import Connection
from tools.bench.figures import LoadFailed
from tools.bench.flows import expect

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nSet-Cookie: guest=abc; Path=/\r\n\r\n" + b'{"a": "b"}'
CHUNKED = b'HTTP/1.1 409 Conflict\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{"a"\r\n6;x=y\r\n: "b"}\r\n0\r\n\r\n'
CLOSING = b"HTTP/1.1 303 See Other\r\ncontent-length: 0\r\nconnection: close\r\nlocation: /orders\r\n\r\n"


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """A connection to a server with these responses, and the requests that it received."""
    requests: list[bytes] = []
    left = list(answers)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            try:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            answer = left.pop(0)
            for at in range(len(answer)):
                writer.write(answer[at : at + 1])
                await writer.drain()
            if b"connection: close" in answer:
                break
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    connection = Connection("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield connection, requests
    finally:
        connection.close()
        server.close()


async def test_reads_answers_of_either_length_on_one_connection() -> None:
    async with answering(WHOLE, CHUNKED, WHOLE) as (connection, requests):
        first = await connection.ask("GET", "/one", "X-A: b\r\n")
        assert (first.status, first.json(), first.header("set-cookie")) == (200, {"a": "b"}, "guest=abc; Path=/")
        second = await connection.ask("POST", "/two")
        assert (second.status, second.json()) == (409, {"a": "b"})
        assert (await connection.ask("GET", "/three")).status == 200
        assert [line.split(b"\r\n")[0] for line in requests] == [
            b"GET /one HTTP/1.1",
            b"POST /two HTTP/1.1",
            b"GET /three HTTP/1.1",
        ]


async def test_reconnects_after_the_server_closes_the_connection() -> None:
    async with answering(CLOSING, WHOLE) as (connection, _):
        leaving = await connection.ask("POST", "/pay", body=b"")
        assert (leaving.status, leaving.header("location")) == (303, "/orders")
        assert (await connection.ask("GET", "/")).status == 200


async def test_an_incomplete_response_is_a_failure() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf") as (connection, _):
        with pytest.raises(LoadFailed):
            await connection.ask("GET", "/")


async def test_an_unexpected_status_is_a_failure() -> None:
    async with answering(CHUNKED) as (connection, _):
        answer = await connection.ask("GET", "/")
        with pytest.raises(LoadFailed, match="409"):
            expect(answer, 200, 201)
