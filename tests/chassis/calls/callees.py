"""Small servers on real ports that the service client calls, and a registry client that knows only them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from serai.chassis.auth.signer import Signer
from serai.chassis.calls.client import Calls, ServiceClient
from serai.chassis.calls.directory import Directory
from serai.chassis.calls.registry import Instance, Registry
from serai.chassis.process.app import Service
from serai.chassis.process.serve import reserve_address
from tests import tokens

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Thing(msgspec.Struct, frozen=True):
    by: str


class ThingClient(ServiceClient):
    """A client as a contract would declare it; the test passes the options."""

    callee = "product"

    async def ask(self, method: str = "GET", path: str = "/internal/things", **options: Any) -> Thing:
        return await self._call("ask", method, path, Thing, **options)

    async def raw(self, **options: Any) -> bytes:
        return await self._raw("raw", "GET", "/internal/things", **options)


class Callee:
    """One instance. It responds with `behaviour` and records its requests."""

    def __init__(self, name: str, port: int, behaviour: Behaviour | None) -> None:
        self.instance = Instance(name, "product", "127.0.0.1", port)
        self.behaviour = behaviour or self.answer
        self.seen: list[web.Request] = []

    async def answer(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"by": self.instance.id})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        await request.read()
        return await self.behaviour(request)


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def abort(request: web.Request) -> web.StreamResponse:
    """Drop the connection after the request was read: the caller cannot know whether it was carried out."""
    assert request.transport is not None
    request.transport.abort()
    return await hang(request)


async def unavailable(_: web.Request) -> web.StreamResponse:
    document = {"status": 503, "code": "database_unavailable", "detail": "Try again."}
    return web.json_response(document, status=503, content_type="application/problem+json")


@contextlib.asynccontextmanager
async def callee(name: str = "product-1", behaviour: Behaviour | None = None) -> AsyncIterator[Callee]:
    app = web.Application(client_max_size=64 << 20)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    served: list[Callee] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return await served[0].handle(request)

    app.router.add_route("*", "/{path:.*}", handle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.append(Callee(name, runner.addresses[0][1], behaviour))
    try:
        yield served[0]
    finally:
        await runner.cleanup()


def refusing(name: str = "product-gone") -> Instance:
    """An instance that is listed but does not listen."""
    return Instance(name, "product", "127.0.0.1", 1)


@contextlib.asynccontextmanager
async def calling(folder: Path, *instances: Instance, caller: str = "order") -> AsyncIterator[ThingClient]:
    """A client that knows `instances`: the registry is down, and they are in the client's cache on disk."""
    remember(folder, *instances)
    async with calling_by(Registry([], "", cache_dir=folder), caller) as client:
        yield client


@contextlib.asynccontextmanager
async def calling_by(registry: Directory, caller: str = "order") -> AsyncIterator[ThingClient]:
    calls = Calls(caller, ("product", "cart"), registry, Signer(caller, tokens.SERVICE_SEEDS[caller]))
    try:
        yield ThingClient(calls)
    finally:
        await calls.close()
        await registry.close()


def remember(folder: Path, *instances: Instance) -> None:
    if instances:
        folder.mkdir(parents=True, exist_ok=True)
        proven = [tokens.proven(instance) for instance in instances]
        (folder / f"{instances[0].service}.json").write_bytes(msgspec.json.encode(proven))


@contextlib.asynccontextmanager
async def served(service: Service) -> AsyncIterator[Instance]:
    """A service of ours, served as in production. Yields the instance it would register."""
    held, host, port = reserve_address("127.0.0.1:0")
    with held:
        server: Any = Server(
            service.app(), address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False
        )
        serving = asyncio.create_task(server.serve())
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(10):
                while True:
                    with contextlib.suppress(aiohttp.ClientError):
                        await (await session.get(f"http://{host}:{port}/livez")).read()
                        break
                    await asyncio.sleep(0.02)
            yield Instance(f"{service.name}-1", service.name, host, port)
        finally:
            server.stop()
            await asyncio.wait_for(serving, 10)
