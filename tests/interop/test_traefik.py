"""Traefik, which uses HashiCorp's Consul client, routes by the registry."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from serai.supervisor import ports
from tests.discovery.registry_server import RegistryServer
from tests.interop.running_program import run_program

pytestmark = pytest.mark.slow

TRAEFIK = Path(sys.executable).with_name("traefik")
TAGS = ["traefik.enable=true", "traefik.http.routers.product.rule=PathPrefix(`/api/products`)"]


@contextlib.asynccontextmanager
async def http_server(name: str) -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=name)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def register(registry: RegistryServer, id_: str, port: int, tags: list[str]) -> None:
    check = {"TTL": "60s", "Status": "passing"}
    body = {"ID": id_, "Name": "product", "Address": "127.0.0.1", "Port": port, "Tags": tags, "Check": check}
    await registry.put("/v1/agent/service/register", body)


async def test_traefik_routes_by_the_registry_and_follows_its_changes(registry: RegistryServer, tmp_path: Path) -> None:
    port = ports.find_free()
    async with (
        http_server("one") as one,
        http_server("two") as two,
        run_program(
            tmp_path,
            f"http://127.0.0.1:{port}",
            TRAEFIK,
            f"--entrypoints.web.address=127.0.0.1:{port}",
            "--providers.consulcatalog=true",
            f"--providers.consulcatalog.endpoint.address={registry.url.removeprefix('http://')}",
            "--providers.consulcatalog.exposedbydefault=false",
            "--providers.consulcatalog.watch=true",
            "--providers.providersthrottleduration=100ms",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=INFO",
        ) as traefik,
    ):
        path = "/api/products/1"
        await register(registry, "p1", one, TAGS)
        await traefik.until(path, lambda status, body: (status, body) == (200, "one"))
        assert (await traefik.get("/elsewhere"))[0] == 404

        await register(registry, "p2", two, TAGS)
        await traefik.until(path, lambda status, body: (status, body) == (200, "two"))
        await registry.put("/v1/agent/check/fail/service:p1")
        await registry.put("/v1/agent/service/deregister/p2")
        await traefik.until(path, lambda status, _: status in (404, 503))
        await registry.put("/v1/agent/check/pass/service:p1")
        await traefik.until(path, lambda status, body: (status, body) == (200, "one"))
