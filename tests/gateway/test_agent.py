"""The life of a gateway: opening, following the registry, going on without it, leaving."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil

from tests.gateway.gate import Gate, read_answer
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream

Make = Callable[..., Gate]


async def _open_shop(consul: Consul, upstream: Upstream) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)


def _is_open(answer: object) -> bool:
    return getattr(answer, "status", 0) == 200


async def test_the_api_opens_once_every_service_is_there(consul: Consul, upstream: Upstream, fresh_gate: Make) -> None:
    gate = fresh_gate()
    for service in sorted(DOCUMENTS)[:-1]:
        await consul.set(service, upstream)
    await gate.start()
    answer = await gate.get("/api/categories")
    answer.problem(503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    (await gate.get("/api/nothing")).problem(404, "not_found")
    (await gate.ask("DELETE", "/api/categories")).problem(405, "method_not_allowed")
    assert (await gate.get("/docs")).status == 200

    await consul.set(sorted(DOCUMENTS)[-1], upstream)
    await gate.until(_is_open, "/api/categories")


async def test_a_service_lost_later_is_missed_on_its_own_routes_only(
    consul: Consul, upstream: Upstream, fresh_gate: Make
) -> None:
    gate = fresh_gate()
    await _open_shop(consul, upstream)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    await consul.set("product")
    answer = await gate.until(lambda answer: answer.status == 503, "/api/categories")
    answer.problem(503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await gate.get("/api/cart")).status == 200


async def test_a_moved_instance_is_followed(consul: Consul, upstream: Upstream, fresh_gate: Make) -> None:
    gate = fresh_gate()
    await _open_shop(consul, upstream)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    moved = await Upstream("second", {}).start()
    try:
        await consul.set("product", moved)
        await gate.until(lambda answer: _is_open(answer) and answer.json["from"] == "second", "/api/categories")
        await asyncio.gather(*(gate.get("/api/categories") for _ in range(20)))
        assert len(moved.seen) >= 21
    finally:
        await moved.stop()


async def test_a_killed_instance_costs_no_request_while_another_stands(
    consul: Consul, upstream: Upstream, fresh_gate: Make
) -> None:
    gate = fresh_gate()
    await _open_shop(consul, upstream)
    doomed = await Upstream("doomed", {}).start()
    await consul.set("product", upstream, doomed)
    await gate.start()
    await gate.until(lambda answer: _is_open(answer) and answer.json["from"] == "doomed", "/api/categories")
    await doomed.stop()
    answers = [await gate.get("/api/categories") for _ in range(50)]
    assert {answer.status for answer in answers} == {200}


async def test_the_edge_outlives_the_registry_and_starts_without_it(
    consul: Consul, upstream: Upstream, fresh_gate: Make, tmp_path: Path
) -> None:
    gate = fresh_gate()
    await _open_shop(consul, upstream)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    await consul.stop()
    assert (await gate.get("/api/categories")).status == 200
    await gate.stop()

    again = fresh_gate(SERAI_JWKS='{"keys": []}')
    await again.start()
    await again.until(_is_open, "/api/categories")


async def test_new_keys_are_believed_without_dropping_a_connection(
    consul: Consul, keys: Keys, fresh_gate: Make
) -> None:
    turning = await Upstream("turning", keys.jwks).start()
    gate = fresh_gate()
    await _open_shop(consul, turning)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)

    async def me(token: str) -> int:
        writer.write(f"GET /api/auth/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        return (await read_answer(reader)).status

    fresh = Keys("key-2")
    assert await me(keys.token()) == 200
    assert await me(fresh.token()) == 401
    turning.jwks = {"keys": [*fresh.jwks["keys"], *keys.jwks["keys"]]}
    # A change of the instances makes the gateway look at once; otherwise it does every few seconds.
    other = await Upstream("other", turning.jwks).start()
    await consul.set("user", turning, other)
    async with asyncio.timeout(30):
        while await me(fresh.token()) != 200:
            await asyncio.sleep(0.02)
    assert await me(keys.token()) == 200
    assert json.loads((gate.home / "gateway" / "jwks.json").read_text()) == turning.jwks
    writer.close()
    await other.stop()
    await turning.stop()


async def test_envoy_is_started_again_when_it_dies(consul: Consul, upstream: Upstream, fresh_gate: Make) -> None:
    gate = fresh_gate()
    await _open_shop(consul, upstream)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    (child,) = psutil.Process(gate.pid).children()
    child.kill()
    await gate.until(lambda answer: True, "/healthz")
    await gate.until(_is_open, "/api/categories")
    assert [p.pid for p in psutil.Process(gate.pid).children()] != [child.pid]


async def test_envoy_does_not_outlive_a_killed_agent(fresh_gate: Make) -> None:
    gate = fresh_gate()
    await gate.start()
    (child,) = psutil.Process(gate.pid).children()
    gate.signal(signal.SIGKILL)
    await gate.ended()
    child.wait(timeout=30)


async def test_it_registers_itself_and_leaves(consul: Consul, upstream: Upstream, fresh_gate: Make) -> None:
    gate = fresh_gate(SERAI_INSTANCE="gateway-1")
    await gate.start()
    async with asyncio.timeout(30):
        while "gateway-1" not in consul.registered:
            await asyncio.sleep(0.01)
    assert consul.registered["gateway-1"]["Name"] == "gateway"
    assert await gate.stop() == 0
    assert "gateway-1" not in consul.registered


async def test_a_request_in_flight_is_answered_before_it_leaves(consul: Consul, keys: Keys, fresh_gate: Make) -> None:
    slow = await Upstream("slow", keys.jwks).start()
    gate = fresh_gate()
    await _open_shop(consul, slow)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    running = asyncio.create_task(gate.ask("GET", "/api/orders/hold", token=keys.token()))
    await slow.held.wait()
    gate.signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
                writer.close()
            except OSError:
                break
            await asyncio.sleep(0.01)
    assert not running.done()
    slow.let_go.set()
    assert (await running).status == 200
    assert await gate.ended() == 0
    await slow.stop()


async def test_a_hangup_makes_it_leave_in_good_order(consul: Consul, fresh_gate: Make) -> None:
    gate = fresh_gate(SERAI_INSTANCE="gateway-1", SERAI_HOSTS="localhost, shop.example,LOCALHOST")
    await gate.start()
    await consul.address_of("gateway-1")
    gate.signal(signal.SIGHUP)
    assert await gate.ended() == 0
    assert "gateway-1" not in consul.registered


async def test_a_taken_port_is_said_so(fresh_gate: Make, gate: Gate, tmp_path: Path) -> None:
    second = fresh_gate(SERAI_PORT=str(gate.port))
    second.port = gate.port
    await second.begin()
    assert await second.ended() == 1
    assert f"cannot listen on 127.0.0.1:{gate.port}" in second.log


async def test_metrics_tell_of_the_agent_and_of_envoy(consul: Consul, upstream: Upstream, fresh_gate: Make) -> None:
    gate = fresh_gate(SERAI_INSTANCE="gateway-1")
    await _open_shop(consul, upstream)
    await gate.start()
    await gate.until(_is_open, "/api/categories")
    async with asyncio.timeout(30):
        while "gateway-1" not in consul.registered:
            await asyncio.sleep(0.01)
    port = consul.registered["gateway-1"]["Port"]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/readyz") as answer:
            assert answer.status == 200
        async with session.get("/metrics") as answer:
            text = await answer.text()
    assert 'gateway_instances{callee="product"} 1.0' in text
    assert "gateway_open 1.0" in text
    assert "envoy_http_downstream_rq_xx" in text


async def test_it_stays_small(gate: Gate) -> None:
    assert psutil.Process(gate.pid).memory_info().rss < 64 * 1024 * 1024
