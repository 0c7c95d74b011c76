"""Registry servers inside the test process, on their own ports, over a database that may be shared."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from serai.chassis.process.serve import reserve_address
from serai.discovery.app import DiscoverySettings, create

TOKEN = "registry-token-for-tests"


class RegistryServer:
    """A registry server, and a client with its token."""

    def __init__(self, url: str, session: aiohttp.ClientSession, leave: Callable[[], None]) -> None:
        self.url = url
        self.session = session
        #: Begins the shutdown, as SIGTERM does.
        self.leave = leave

    async def get(self, path: str, **params: str) -> tuple[Any, int]:
        """The body and the index of the response."""
        async with self.session.get(self.url + path, params=params) as response:
            assert response.status == 200, await response.text()
            return await response.json(), int(response.headers["X-Consul-Index"])

    async def put(self, path: str, body: Any = None, *, status: int = 200, **params: str) -> str:
        async with self.session.put(
            self.url + path, json=body, params=params, headers={"X-Consul-Token": TOKEN}
        ) as response:
            text = await response.text()
            assert response.status == status, (response.status, text)
            return text

    async def register(self, id_: str, service: str = "product", **check: Any) -> None:
        check = {"TTL": "30s", "Status": "passing"} | check
        await self.put(
            "/v1/agent/service/register",
            {"ID": id_, "Name": service, "Address": "10.0.0.1", "Port": 8000, "Meta": {"version": "1"}, "Check": check},
        )

    async def health(self, service: str = "product") -> dict[str, str]:
        """Instance id → status of its check."""
        entries, _ = await self.get(f"/v1/health/service/{service}")
        return {entry["Service"]["ID"]: entry["Checks"][0]["Status"] for entry in entries}

    async def until(self, expected: dict[str, str], service: str = "product", timeout_s: float = 60) -> None:
        """Waits, with blocking queries, until the checks of the service's instances have these statuses."""
        index = 0
        async with asyncio.timeout(timeout_s):
            while True:
                entries, index = await self.get(f"/v1/health/service/{service}", index=str(index), wait="2s")
                if {e["Service"]["ID"]: e["Checks"][0]["Status"] for e in entries} == expected:
                    return


@contextlib.asynccontextmanager
async def registry_server(database_url: str, home: Path, port: int = 0) -> AsyncIterator[RegistryServer]:
    service = create(
        DiscoverySettings(
            mode="local", home=home, database_url=database_url, database_pool=4, registry_token=TOKEN, log_level="error"
        )
    )

    def leave() -> None:
        service.state.draining = True
        for wake in service.on_drain:
            wake()

    protected, host, port = reserve_address(f"127.0.0.1:{port}")
    with protected:
        server: Any = Server(
            service.app(), address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, backlog=1024
        )
        serving = asyncio.create_task(server.serve())
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                await _wait_until_ready(session, f"http://{host}:{port}/readyz")
                yield RegistryServer(f"http://{host}:{port}", session, leave)
        finally:
            leave()
            server.stop()
            await asyncio.wait_for(serving, 60)


async def _wait_until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.02)
