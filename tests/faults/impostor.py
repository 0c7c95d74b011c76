"""An instance that joins a running shop with a service's own key, and serves badly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from serai.chassis.calls.registry import Instance, Registry
from serai.supervisor import keys
from serai.supervisor.home import Home, read_json
from tools.shop.system import System

Behaviour = Callable[["Impostor", web.Request], Awaitable[web.StreamResponse]]
SLOWNESS_S = 1.0


class Impostor:
    """`asked` lists the requests it was sent, but for probes. Lives in a thread of its own."""

    def __init__(self, system: System, service: str, behaviour: Behaviour) -> None:
        self.asked: list[str] = []
        self.service = service
        self.honest = f"http://{system.rows(service)[0]['address']}"
        self._behaviour = behaviour
        self._home = Home(system.home)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        self._task = self._loop.create_task(self._live())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def wait_ready(self) -> None:
        assert self._ready.wait(30.0)

    def stop(self) -> None:
        def cancel() -> None:
            if self._task is not None:
                self._task.cancel()

        self._loop.call_soon_threadsafe(cancel)

    async def _live(self) -> None:
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        held = keys.load(self._home)
        registry = Registry(read_json(self._home.run)["discovery"], held.registry_token, key=held.seeds[self.service])
        self.http = aiohttp.ClientSession(auto_decompress=False)
        try:
            port = runner.addresses[0][1]
            await registry.register(Instance(f"{self.service}-impostor", self.service, "127.0.0.1", port))
            self._ready.set()
            await registry.heartbeat_forever()
        finally:
            await registry.deregister()
            await registry.close()
            await self.http.close()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in ("/livez", "/readyz"):
            return web.json_response(
                {"status": "ready"}, headers={"x-envoy-upstream-healthchecked-cluster": self.service}
            )
        self.asked.append(f"{request.method} {request.path}")
        return await self._behaviour(self, request)


async def lying(_: Impostor, request: web.Request) -> web.StreamResponse:
    """Ready, it says, and fails at everything."""
    document = {"status": 500, "code": "internal", "title": "Internal error", "detail": "A bug."}
    return web.Response(status=500, body=json.dumps(document), content_type="application/problem+json")


async def failing(_: Impostor, request: web.Request) -> web.StreamResponse:
    """Hangs up on everybody."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def slow(self: Impostor, request: web.Request) -> web.StreamResponse:
    """Right, but late."""
    body = await request.read()
    await asyncio.sleep(SLOWNESS_S)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
    url = self.honest + request.path_qs
    async with self.http.request(request.method, url, data=body or None, headers=headers) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() != "transfer-encoding"}
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@contextmanager
def joined(system: System, service: str, behaviour: Behaviour) -> Iterator[Impostor]:
    impostor = Impostor(system, service, behaviour)
    thread = threading.Thread(target=impostor.run)
    thread.start()
    try:
        impostor.wait_ready()
        yield impostor
    finally:
        impostor.stop()
        thread.join(30.0)
