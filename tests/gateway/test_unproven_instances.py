"""An instance that has the registry's token but no service's key gets no requests, whatever it registers as."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from serai.chassis.calls.registry import Instance, Registry
from tests import tokens
from tests.discovery.registry_server import TOKEN, registry_server
from tests.gateway.fake_services import DOCUMENTS, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


@pytest.mark.system
async def test_an_instance_that_does_not_prove_its_service_gets_no_requests(
    database: Callable[[str], str], tmp_path: Path, documents: Path, keys: SigningKeys, upstream: Upstream
) -> None:
    rogue_keys = SigningKeys("rogue-key")
    rogue = await Upstream("rogue", rogue_keys.jwks).start()
    async with registry_server(database("discovery"), tmp_path / "discovery") as registry:
        gateway = GatewayProcess(
            tmp_path / "gateway",
            {
                "SERAI_OPENAPI": str(documents),
                "SERAI_DISCOVERY_URL": registry.url,
                "SERAI_REGISTRY_TOKEN": TOKEN,
                "SERAI_SERVICE_KEYS": tokens.SERVICE_KEYS,
                "SERAI_JWKS": json.dumps(keys.jwks),
            },
        )
        try:
            # It registers first and as every service, so a gateway that trusted it would use it now.
            for service in DOCUMENTS:
                await registered(registry.url, "", Instance(f"{service}-0", service, "127.0.0.1", rogue.port))
            await gateway.start()
            async with asyncio.timeout(30):
                while "does not prove that it is product" not in gateway.log:
                    await asyncio.sleep(0.05)
            (await gateway.get("/api/categories")).problem(503, "unavailable")

            for service in DOCUMENTS:
                seed = tokens.SERVICE_SEEDS[service]
                await registered(registry.url, seed, Instance(f"{service}-1", service, "127.0.0.1", upstream.port))
            await gateway.until(lambda response: response.status == 200, "/api/categories")
            for _ in range(30):
                assert (await gateway.get("/api/categories")).json["from"] == "first"
            assert (await gateway.request("GET", "/api/auth/me", token=keys.token())).status == 200
            # The instance trusted as `user` publishes the keys of access tokens.
            assert (await gateway.request("GET", "/api/auth/me", token=rogue_keys.token())).status == 401
            assert not rogue.received
        finally:
            assert await gateway.stop() == 0
            await rogue.stop()


async def registered(url: str, seed: str, instance: Instance) -> None:
    registry = Registry([url], TOKEN, key=seed)
    await registry.register(instance, ttl_s=60)
    await registry.close()
