"""Envoy asks every instance for itself, and only one that is well and who it should be gets a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.gateway.gate import Answer, Gate
from tests.gateway.shop import DOCUMENTS, Consul, Upstream

Make = Callable[..., Gate]


@pytest.fixture
async def other() -> AsyncIterator[Upstream]:
    other = await Upstream("other", {}).start()
    yield other
    await other.stop()


async def _open_gate(consul: Consul, upstream: Upstream, make: Make, **environ: str) -> Gate:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = make(**environ)
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    return gate


def _is_from(name: str) -> Callable[[Answer], bool]:
    return lambda answer: answer.status == 200 and answer.json["from"] == name


async def test_an_instance_that_is_another_service_gets_no_request(
    consul: Consul, upstream: Upstream, other: Upstream, fresh_gate: Make
) -> None:
    """As when a port is taken over by an instance of another service before the registry has noticed."""
    gate = await _open_gate(consul, upstream, fresh_gate)
    other.service = "order"
    await consul.set("product", other)
    (await gate.until(lambda answer: answer.status == 503, "/api/categories")).problem(503, "unavailable")
    await consul.set("product", upstream, other)
    await gate.until(_is_from("first"), "/api/categories")
    assert {(await gate.get("/api/categories")).json["from"] for _ in range(20)} == {"first"}
    assert not other.seen


async def test_an_instance_that_is_not_ready_gets_no_request_until_it_is(
    consul: Consul, upstream: Upstream, other: Upstream, fresh_gate: Make
) -> None:
    gate = await _open_gate(consul, upstream, fresh_gate)
    other.healthy = False
    await consul.set("product", other)
    await gate.until(lambda answer: answer.status == 503, "/api/categories")
    assert not other.seen
    other.healthy = True
    await gate.until(_is_from("other"), "/api/categories")


async def test_the_agent_tells_how_many_instances_the_edge_would_use(
    consul: Consul, upstream: Upstream, other: Upstream, fresh_gate: Make
) -> None:
    await _open_gate(consul, upstream, fresh_gate, SERAI_INSTANCE="gateway-1")
    other.service = "order"
    await consul.set("product", upstream, other)
    await consul.set("order", upstream, other)
    await consul.set("cart", other)
    expected = dict.fromkeys(DOCUMENTS, 1) | {"order": 2, "cart": 0, "web": 0}
    async with asyncio.timeout(30), aiohttp.ClientSession(await consul.address_of("gateway-1")) as session:
        told: object = None
        while told != expected:
            async with session.get("/readyz") as answer:
                assert answer.status == 200
                told = (await answer.json())["healthy"]
            await asyncio.sleep(0.1)
        metrics = ""
        while 'gateway_instances_healthy{callee="order"} 2.0' not in metrics:
            async with session.get("/metrics") as answer:
                metrics = await answer.text()
            await asyncio.sleep(0.1)
    assert 'gateway_instances_healthy{callee="cart"} 0.0' in metrics
    assert 'gateway_instances{callee="cart"} 1.0' in metrics
