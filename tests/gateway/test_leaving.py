"""How a gateway leaves: whoever balances over several looks elsewhere first, and no connection is cut in use."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from tests.gateway.gate import Answer, Gate, read_answer
from tests.gateway.shop import DOCUMENTS, Consul, Upstream

Make = Callable[..., Gate]


async def test_it_fails_its_health_and_serves_on_for_a_while(
    consul: Consul, upstream: Upstream, fresh_gate: Make
) -> None:
    gate = fresh_gate(SERAI_DRAIN_SPREAD_S="60")
    await _open(gate, consul, upstream)
    gate.signal(signal.SIGTERM)
    await gate.until(lambda answer: answer.status == 503, "/healthz")
    # New connections are served, and so is one that is kept, which the answer asks to close.
    assert (await gate.get("/api/categories")).status == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    answer = await _again(reader, writer)
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    writer.close()
    gate.signal(signal.SIGKILL)
    await gate.ended()


async def test_a_connection_in_use_is_not_cut_when_it_leaves(
    consul: Consul, upstream: Upstream, fresh_gate: Make
) -> None:
    gate = fresh_gate(SERAI_DRAIN_SPREAD_S="0.2")
    await _open(gate, consul, upstream)
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    assert "connection" not in (await _again(reader, writer)).headers
    gate.signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        while (answer := await _again(reader, writer)).headers.get("connection") != "close":
            assert answer.status == 200
            await asyncio.sleep(0.05)
    assert answer.status == 200
    writer.close()
    assert await asyncio.wait_for(gate.ended(), 60) == 0


async def _open(gate: Gate, consul: Consul, upstream: Upstream) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")


async def _again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    writer.write(b"GET /api/categories HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return await asyncio.wait_for(read_answer(reader), 20)


async def test_it_serves_from_its_first_answer_on_when_it_comes_back(
    consul: Consul, upstream: Upstream, fresh_gate: Make
) -> None:
    gate = fresh_gate()
    await _open(gate, consul, upstream)
    for _ in range(3):
        assert await gate.stop() == 0
        coming = asyncio.create_task(gate.start())
        async with asyncio.timeout(60):
            while True:
                try:
                    answer = await gate.get("/api/categories")
                except OSError:
                    await asyncio.sleep(0.005)
                    continue
                break
        assert answer.status == 200, answer.body
        await coming
