"""How a service process leaves: it serves whoever has not heard of it yet, and ends when the last one is answered."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.gateway.gateway_process import Response, read_response


class Leaver:
    """The process, its address as its registry was told it, and what it said to that registry."""

    def __init__(self) -> None:
        self.port = 0
        self.told: list[str] = []
        self.process: asyncio.subprocess.Process

    async def registry(self, request: web.Request) -> web.Response:
        """Stands in for one that takes everything."""
        self.told.append(request.path)
        if request.path == "/v1/agent/service/register":
            self.port = (await request.json())["Port"]
        return web.json_response([], headers={"X-Consul-Index": "1"})

    def leave(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def output(self) -> list[str]:
        said, _ = await asyncio.wait_for(self.process.communicate(), 30)
        return [line for line in said.decode().splitlines() if line in ("leaving", "worked", "left")]


@pytest.fixture
async def leaver(tmp_path: Path) -> AsyncIterator[Leaver]:
    leaver = Leaver()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", leaver.registry)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environ = {
        **os.environ,
        "SERAI_MODE": "local",
        "SERAI_HOME": str(tmp_path),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{runner.addresses[0][1]}",
    }
    leaver.process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chassis.process.leaver"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            while not leaver.port:
                await asyncio.sleep(0.02)
        yield leaver
    finally:
        if leaver.process.returncode is None:
            leaver.process.kill()
            await leaver.process.wait()
        await runner.cleanup()


async def test_everybody_is_answered_before_it_ends_and_asked_to_come_back_elsewhere(leaver: Leaver) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", leaver.port)
    assert "connection" not in (await _again(reader, writer)).headers
    async with aiohttp.ClientSession(f"http://127.0.0.1:{leaver.port}") as session:
        held = asyncio.create_task(_text(session, "/held"))
        await _text(session, "/holding")
        leaver.leave()
        async with asyncio.timeout(30):
            while (answer := await _again(reader, writer)).headers.get("connection") != "close":
                assert answer.status == 200
                await asyncio.sleep(0.02)
        assert answer.body == b"quick"
        # The server keeps its word: nothing more can be sent on this connection, so nothing can be lost on it.
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        async with session.get("/readyz") as health:
            assert health.status == 503
        assert await _text(session, "/release") == "released"
        assert await held == "held"
    assert await leaver.output() == ["leaving", "worked", "left"]
    assert leaver.process.returncode == 0
    assert [path.split("/")[4] for path in leaver.told[-2:]] == ["maintenance", "deregister"]


async def _text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as answer:
        return await answer.text()


async def _again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    writer.write(b"GET /quick HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return await asyncio.wait_for(read_response(reader), 20)
