"""A gateway that shuts down: load balancers see a failing health check first, and no connection in use is cut."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response, read_response

NewGateway = Callable[..., GatewayProcess]


async def test_a_draining_gateway_fails_its_health_check_and_serves_on(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(SERAI_DRAIN_SPREAD_S="60")
    await _open(gateway, consul, upstream)
    gateway.signal(signal.SIGTERM)
    await gateway.until(lambda response: response.status == 503, "/healthz")
    # New connections are served. So is a kept connection, which the response asks to close.
    assert (await gateway.get("/api/categories")).status == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    response = await _get_again(reader, writer)
    assert response.status == 200
    assert response.headers["connection"] == "close"
    writer.close()
    gateway.signal(signal.SIGKILL)
    await gateway.wait_ended()


async def test_a_connection_in_use_is_not_cut(consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway) -> None:
    gateway = new_gateway(SERAI_DRAIN_SPREAD_S="0.2")
    await _open(gateway, consul, upstream)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    assert "connection" not in (await _get_again(reader, writer)).headers
    gateway.signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        while (response := await _get_again(reader, writer)).headers.get("connection") != "close":
            assert response.status == 200
            await asyncio.sleep(0.05)
    assert response.status == 200
    writer.close()
    assert await asyncio.wait_for(gateway.wait_ended(), 60) == 0


async def _open(gateway: GatewayProcess, consul: FakeConsul, upstream: Upstream) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    await gateway.start()
    await gateway.until(lambda response: response.status == 200, "/api/categories")


async def _get_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    writer.write(b"GET /api/categories HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return await asyncio.wait_for(read_response(reader), 20)


async def test_a_restarted_gateway_serves_from_its_first_response_on(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway()
    await _open(gateway, consul, upstream)
    for _ in range(3):
        assert await gateway.stop() == 0
        coming = asyncio.create_task(gateway.start())
        async with asyncio.timeout(60):
            while True:
                try:
                    response = await gateway.get("/api/categories")
                except OSError:
                    await asyncio.sleep(0.005)
                    continue
                break
        assert response.status == 200, response.body
        await coming
