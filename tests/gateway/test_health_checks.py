"""Envoy checks every instance: only one that is ready and belongs to the right service gets requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response

NewGateway = Callable[..., GatewayProcess]


@pytest.fixture
async def other() -> AsyncIterator[Upstream]:
    other = await Upstream("other", {}).start()
    yield other
    await other.stop()


async def _open_gate(consul: FakeConsul, upstream: Upstream, make: NewGateway, **environ: str) -> GatewayProcess:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = make(**environ)
    await gateway.start()
    await gateway.until(lambda response: response.status == 200, "/api/categories")
    return gateway


def _is_from(name: str) -> Callable[[Response], bool]:
    return lambda response: response.status == 200 and response.json["from"] == name


async def test_an_instance_of_another_service_gets_no_request(
    consul: FakeConsul, upstream: Upstream, other: Upstream, new_gateway: NewGateway
) -> None:
    """As when an instance of another service takes over a port before the registry knows it."""
    gateway = await _open_gate(consul, upstream, new_gateway)
    other.service = "order"
    await consul.set("product", other)
    (await gateway.until(lambda response: response.status == 503, "/api/categories")).problem(503, "unavailable")
    await consul.set("product", upstream, other)
    await gateway.until(_is_from("first"), "/api/categories")
    assert {(await gateway.get("/api/categories")).json["from"] for _ in range(20)} == {"first"}
    assert not other.received


async def test_an_instance_that_is_not_ready_gets_no_request_until_it_is(
    consul: FakeConsul, upstream: Upstream, other: Upstream, new_gateway: NewGateway
) -> None:
    gateway = await _open_gate(consul, upstream, new_gateway)
    other.healthy = False
    await consul.set("product", other)
    await gateway.until(lambda response: response.status == 503, "/api/categories")
    assert not other.received
    other.healthy = True
    await gateway.until(_is_from("other"), "/api/categories")


async def test_the_agent_reports_the_number_of_healthy_instances(
    consul: FakeConsul, upstream: Upstream, other: Upstream, new_gateway: NewGateway
) -> None:
    await _open_gate(consul, upstream, new_gateway, SERAI_INSTANCE="gateway-1")
    other.service = "order"
    await consul.set("product", upstream, other)
    await consul.set("order", upstream, other)
    await consul.set("cart", other)
    expected = dict.fromkeys(DOCUMENTS, 1) | {"order": 2, "cart": 0, "web": 0}
    async with asyncio.timeout(30), aiohttp.ClientSession(await consul.address_of("gateway-1")) as session:
        reported: object = None
        while reported != expected:
            async with session.get("/readyz") as response:
                assert response.status == 200
                reported = (await response.json())["healthy"]
            await asyncio.sleep(0.1)
        metrics = ""
        while 'gateway_instances_healthy{callee="order"} 2.0' not in metrics:
            async with session.get("/metrics") as response:
                metrics = await response.text()
            await asyncio.sleep(0.1)
    assert 'gateway_instances_healthy{callee="cart"} 0.0' in metrics
    assert 'gateway_instances{callee="cart"} 1.0' in metrics
