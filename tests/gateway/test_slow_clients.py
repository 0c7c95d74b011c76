"""A client that sends its request slowly is refused, and does not delay others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.fake_services import SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, read_response
from tests.gateway.serving import serving

pytestmark = pytest.mark.slow

GET = b"GET /api/categories HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET /api/categories HT", b"GET /api/categories HTTP/1.1\r\nhost: x\r\n"])
async def test_slow_headers_time_out(impatient_gateway: GatewayProcess, upstream: Upstream, sent: bytes) -> None:
    upstream.received.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient_gateway.port)
    writer.write(sent)
    if sent:
        response = await asyncio.wait_for(read_response(reader), 30)
        response.problem(408, "request_timeout")
    else:
        # Without a request the connection is only idle, and closed after the idle timeout.
        assert (await impatient_gateway.get("/api/categories")).status == 200
    writer.close()
    assert all(received.path == "/api/categories" for received in upstream.received)


async def test_a_slow_body_times_out(impatient_gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient_gateway.port)
    writer.write(POST + b"content-length: 1000\r\n\r\nab")

    async def send_slowly() -> None:
        # A byte now and then avoids the idle timeout, but not the request timeout.
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(send_slowly())
    response = await asyncio.wait_for(read_response(reader), 30)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    response.problem(408, "request_timeout")
    assert not upstream.received
    writer.close()


async def test_many_slow_clients_do_not_delay_others(impatient_gateway: GatewayProcess) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", impatient_gateway.port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write(GET if number % 2 else POST + b"content-length: 10\r\n\r\n")
    async with asyncio.timeout(30):
        for _ in range(10):
            assert (await impatient_gateway.get("/api/categories")).status == 200
        # Each of them gets 408.
        for reader, writer in slow:
            assert (await read_response(reader)).status == 408
            writer.close()


@pytest.fixture(scope="module")
async def impatient_gateway(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[GatewayProcess]:
    """A gateway with short timeouts."""
    environ = {
        "SERAI_HEADERS_TIMEOUT_S": "1",
        "SERAI_REQUEST_TIMEOUT_S": "2",
        "SERAI_GATEWAY_ACCESS_LOG": "0",
    }
    async with serving(tmp_path_factory.mktemp("slow"), upstream, keys, environ, documents=documents) as started:
        yield started.gateway
