"""The gateway with Serai's own registry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.discovery.registry_server import TOKEN, registry_server
from tests.gateway.fake_services import DOCUMENTS, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


@pytest.mark.system
async def test_the_gateway_follows_registrations_and_deregistrations(
    database: Callable[[str], str], tmp_path: Path, documents: Path, keys: SigningKeys, upstream: Upstream
) -> None:
    async with registry_server(database("discovery"), tmp_path / "discovery") as registry:

        async def register(service: str, port: int) -> None:
            check = {"TTL": "30s", "Status": "passing"}
            body = {"ID": f"{service}-{port}", "Name": service, "Address": "127.0.0.1", "Port": port, "Check": check}
            await registry.put("/v1/agent/service/register", body)

        gateway = GatewayProcess(
            tmp_path / "gateway",
            {
                "SERAI_OPENAPI": str(documents),
                "SERAI_DISCOVERY_URL": registry.url,
                "SERAI_REGISTRY_TOKEN": TOKEN,
                "SERAI_JWKS": json.dumps(keys.jwks),
                "SERAI_INSTANCE": "gateway-1",
            },
        )
        moved = await Upstream("second", {}).start()
        try:
            await gateway.start()
            (await gateway.get("/api/categories")).problem(503, "unavailable")
            for service in DOCUMENTS:
                await register(service, upstream.port)
            await gateway.until(lambda response: response.status == 200, "/api/categories")
            await registry.until({"gateway-1": "passing"}, "gateway")

            await register("product", moved.port)
            await gateway.until(lambda a: a.status == 200 and a.json["from"] == "second", "/api/categories")
            await registry.put(f"/v1/agent/service/maintenance/product-{upstream.port}", enable="true")
            async with asyncio.timeout(30):
                while {(await gateway.get("/api/categories")).json["from"] for _ in range(10)} != {"second"}:
                    pass
        finally:
            assert await gateway.stop() == 0
            await moved.stop()
        await registry.until({}, "gateway")
