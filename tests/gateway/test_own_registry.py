"""The gateway over our own registry, which is where its addresses come from unless somebody brings a Consul."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.discovery.replicas import TOKEN, replica
from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Keys, Upstream


@pytest.mark.system
async def test_follows_registrations_and_departures(
    database: Callable[[str], str], tmp_path: Path, documents: Path, keys: Keys, upstream: Upstream
) -> None:
    async with replica(database("discovery"), tmp_path / "discovery") as registry:

        async def register(service: str, port: int) -> None:
            check = {"TTL": "30s", "Status": "passing"}
            body = {"ID": f"{service}-{port}", "Name": service, "Address": "127.0.0.1", "Port": port, "Check": check}
            await registry.put("/v1/agent/service/register", body)

        gate = Gate(
            tmp_path / "gate",
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
            await gate.start()
            (await gate.get("/api/categories")).problem(503, "unavailable")
            for service in DOCUMENTS:
                await register(service, upstream.port)
            await gate.until(lambda answer: answer.status == 200, "/api/categories")
            await registry.until({"gateway-1": "passing"}, "gateway")

            await register("product", moved.port)
            await gate.until(lambda a: a.status == 200 and a.json["from"] == "second", "/api/categories")
            await registry.put(f"/v1/agent/service/maintenance/product-{upstream.port}", enable="true")
            async with asyncio.timeout(30):
                while {(await gate.get("/api/categories")).json["from"] for _ in range(10)} != {"second"}:
                    pass
        finally:
            assert await gate.stop() == 0
            await moved.stop()
        await registry.until({}, "gateway")
