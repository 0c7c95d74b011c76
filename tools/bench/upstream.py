"""A server with a prepared response: `granian` is the bare server, `service` our chassis without a database."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar import get
from litestar.response import Response

from serai.chassis.process import serve
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load


class ServiceDeclaration(msgspec.Struct, frozen=True):
    #: The service that the gateway takes it for.
    name: str = "product"
    database: bool = False
    scans: bool = False
    calls: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    roles: dict[str, frozenset[str]] = {}


def service(port: int, body: bytes) -> None:
    @get("/api/products", policy="optional", sync_to_thread=False)
    def products() -> Response[bytes]:
        return Response(body, media_type="application/json")

    settings = load(Settings, {"SERAI_MODE": "local", "SERAI_BIND": f"127.0.0.1:{port}"})
    built = Service(ServiceDeclaration(), settings)
    built.routes(None, [products])
    serve.run(built)


def granian(port: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: dict[str, Any], receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def run() -> None:
        server = Server(
            app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve()

    uvloop.run(run())


if __name__ == "__main__":
    kind, at, file = sys.argv[1:]
    {"granian": granian, "service": service}[kind](int(at), Path(file).read_bytes())
