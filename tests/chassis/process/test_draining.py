"""How a service process drains: it serves callers that do not know yet, and exits after the last response."""

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


class ServiceProcess:
    """The process, its registered address, and the requests that it made to the registry."""

    def __init__(self) -> None:
        self.port = 0
        self.registry_requests: list[str] = []
        self.child: asyncio.subprocess.Process

    async def registry(self, request: web.Request) -> web.Response:
        """A fake registry that accepts everything."""
        self.registry_requests.append(request.path)
        if request.path == "/v1/agent/service/register":
            self.port = (await request.json())["Port"]
        return web.json_response([], headers={"X-Consul-Index": "1"})

    def terminate(self) -> None:
        self.child.send_signal(signal.SIGTERM)

    async def output(self) -> list[str]:
        output, _ = await asyncio.wait_for(self.child.communicate(), 30)
        return [line for line in output.decode().splitlines() if line in ("draining", "worked", "drained")]


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    process = ServiceProcess()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", process.registry)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environ = {
        **os.environ,
        "SERAI_MODE": "local",
        "SERAI_HOME": str(tmp_path),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{runner.addresses[0][1]}",
    }
    process.child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chassis.process.draining_service"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            while not process.port:
                await asyncio.sleep(0.02)
        yield process
    finally:
        if process.child.returncode is None:
            process.child.kill()
            await process.child.wait()
        await runner.cleanup()


async def test_a_draining_process_answers_every_request_and_closes_each_connection(process: ServiceProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    assert "connection" not in (await _again(reader, writer)).headers
    async with aiohttp.ClientSession(f"http://127.0.0.1:{process.port}") as session:
        held = asyncio.create_task(_text(session, "/held"))
        await _text(session, "/holding")
        process.terminate()
        async with asyncio.timeout(30):
            while (answer := await _again(reader, writer)).headers.get("connection") != "close":
                assert answer.status == 200
                await asyncio.sleep(0.02)
        assert answer.body == b"quick"
        # The server closes the connection, so no request can be lost on it.
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        async with session.get("/readyz") as health:
            assert health.status == 503
        assert await _text(session, "/release") == "released"
        assert await held == "held"
    assert await process.output() == ["draining", "worked", "drained"]
    assert process.child.returncode == 0
    assert [path.split("/")[4] for path in process.registry_requests[-2:]] == ["maintenance", "deregister"]


async def _text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as answer:
        return await answer.text()


async def _again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    writer.write(b"GET /quick HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return await asyncio.wait_for(read_response(reader), 20)
