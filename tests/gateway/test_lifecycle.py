"""The life of a gateway: it opens, follows the registry, serves without it, and shuts down."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, read_response

NewGateway = Callable[..., GatewayProcess]


async def _open_shop(consul: FakeConsul, upstream: Upstream) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)


def _is_open(response: object) -> bool:
    return getattr(response, "status", 0) == 200


async def test_the_api_opens_when_every_service_is_available(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway()
    for service in sorted(DOCUMENTS)[:-1]:
        await consul.set(service, upstream)
    await gateway.start()
    response = await gateway.get("/api/categories")
    response.problem(503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1
    (await gateway.get("/api/nothing")).problem(404, "not_found")
    (await gateway.request("DELETE", "/api/categories")).problem(405, "method_not_allowed")
    assert (await gateway.get("/docs")).status == 200

    await consul.set(sorted(DOCUMENTS)[-1], upstream)
    await gateway.until(_is_open, "/api/categories")


async def test_losing_a_service_later_affects_its_own_routes_only(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway()
    await _open_shop(consul, upstream)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    await consul.set("product")
    response = await gateway.until(lambda response: response.status == 503, "/api/categories")
    response.problem(503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert (await gateway.get("/api/cart")).status == 200


async def test_requests_follow_an_instance_to_a_new_address(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway()
    await _open_shop(consul, upstream)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    moved = await Upstream("second", {}).start()
    try:
        await consul.set("product", moved)
        await gateway.until(
            lambda response: _is_open(response) and response.json["from"] == "second", "/api/categories"
        )
        await asyncio.gather(*(gateway.get("/api/categories") for _ in range(20)))
        assert len(moved.received) >= 21
    finally:
        await moved.stop()


async def test_no_request_fails_when_one_of_two_instances_is_killed(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway()
    await _open_shop(consul, upstream)
    doomed = await Upstream("doomed", {}).start()
    await consul.set("product", upstream, doomed)
    await gateway.start()
    await gateway.until(lambda response: _is_open(response) and response.json["from"] == "doomed", "/api/categories")
    await doomed.stop()
    responses = [await gateway.get("/api/categories") for _ in range(50)]
    assert {response.status for response in responses} == {200}


async def test_the_gateway_serves_and_restarts_without_the_registry(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway, tmp_path: Path
) -> None:
    gateway = new_gateway()
    await _open_shop(consul, upstream)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    await consul.stop()
    assert (await gateway.get("/api/categories")).status == 200
    await gateway.stop()

    again = new_gateway(SERAI_JWKS='{"keys": []}')
    await again.start()
    await again.until(_is_open, "/api/categories")


async def test_new_keys_are_accepted_without_closing_a_connection(
    consul: FakeConsul, keys: SigningKeys, new_gateway: NewGateway
) -> None:
    turning = await Upstream("turning", keys.jwks).start()
    gateway = new_gateway()
    await _open_shop(consul, turning)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)

    async def me(token: str) -> int:
        writer.write(f"GET /api/auth/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        return (await read_response(reader)).status

    fresh = SigningKeys("key-2")
    assert await me(keys.token()) == 200
    assert await me(fresh.token()) == 401
    turning.jwks = {"keys": [*fresh.jwks["keys"], *keys.jwks["keys"]]}
    # A change of the instances makes the gateway fetch the keys immediately instead of after ten seconds.
    other = await Upstream("other", turning.jwks).start()
    await consul.set("user", turning, other)
    async with asyncio.timeout(30):
        while await me(fresh.token()) != 200:
            await asyncio.sleep(0.02)
    assert await me(keys.token()) == 200
    assert json.loads((gateway.home / "gateway" / "jwks.json").read_text()) == turning.jwks
    writer.close()
    await other.stop()
    await turning.stop()


async def test_envoy_is_restarted_when_it_dies(consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway) -> None:
    gateway = new_gateway()
    await _open_shop(consul, upstream)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    (child,) = psutil.Process(gateway.pid).children()
    child.kill()
    await gateway.until(lambda response: True, "/healthz")
    await gateway.until(_is_open, "/api/categories")
    assert [p.pid for p in psutil.Process(gateway.pid).children()] != [child.pid]


async def test_envoy_does_not_outlive_a_killed_agent(new_gateway: NewGateway) -> None:
    gateway = new_gateway()
    await gateway.start()
    (child,) = psutil.Process(gateway.pid).children()
    gateway.signal(signal.SIGKILL)
    await gateway.wait_ended()
    child.wait(timeout=30)


async def test_the_gateway_registers_and_deregisters_itself(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(SERAI_INSTANCE="gateway-1")
    await gateway.start()
    async with asyncio.timeout(30):
        while "gateway-1" not in consul.registered:
            await asyncio.sleep(0.01)
    assert consul.registered["gateway-1"]["Name"] == "gateway"
    assert await gateway.stop() == 0
    assert "gateway-1" not in consul.registered


async def test_a_running_request_is_answered_before_the_gateway_stops(
    consul: FakeConsul, keys: SigningKeys, new_gateway: NewGateway
) -> None:
    slow = await Upstream("slow", keys.jwks).start()
    gateway = new_gateway()
    await _open_shop(consul, slow)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    running = asyncio.create_task(gateway.request("GET", "/api/orders/hold", token=keys.token()))
    await slow.waiting.wait()
    gateway.signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                writer.close()
            except OSError:
                break
            await asyncio.sleep(0.01)
    assert not running.done()
    slow.release.set()
    assert (await running).status == 200
    assert await gateway.wait_ended() == 0
    await slow.stop()


async def test_sighup_stops_the_gateway_gracefully(consul: FakeConsul, new_gateway: NewGateway) -> None:
    gateway = new_gateway(SERAI_INSTANCE="gateway-1", SERAI_HOSTS="localhost, shop.example,LOCALHOST")
    await gateway.start()
    await consul.address_of("gateway-1")
    gateway.signal(signal.SIGHUP)
    assert await gateway.wait_ended() == 0
    assert "gateway-1" not in consul.registered


async def test_a_port_in_use_is_reported(new_gateway: NewGateway, gateway: GatewayProcess, tmp_path: Path) -> None:
    second = new_gateway(SERAI_PORT=str(gateway.port))
    second.port = gateway.port
    await second.launch()
    assert await second.wait_ended() == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}" in second.log


async def test_metrics_include_those_of_the_agent_and_of_envoy(
    consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway
) -> None:
    gateway = new_gateway(SERAI_INSTANCE="gateway-1")
    await _open_shop(consul, upstream)
    await gateway.start()
    await gateway.until(_is_open, "/api/categories")
    async with asyncio.timeout(30):
        while "gateway-1" not in consul.registered:
            await asyncio.sleep(0.01)
    port = consul.registered["gateway-1"]["Port"]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/readyz") as response:
            assert response.status == 200
        async with session.get("/metrics") as response:
            text = await response.text()
    assert 'gateway_instances{callee="product"} 1.0' in text
    assert "gateway_open 1.0" in text
    assert "envoy_http_downstream_rq_xx" in text


async def test_the_agent_uses_less_than_64_mib(gateway: GatewayProcess) -> None:
    assert psutil.Process(gateway.pid).memory_info().rss < 64 * 1024 * 1024
