"""A process that holds the registry's token and nobody's key answers for nobody, whatever it registers as."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from serai.chassis.calls.registry import Instance, Registry
from tests import tokens
from tests.discovery.replicas import TOKEN, replica
from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Keys, Upstream


@pytest.mark.system
async def test_no_request_and_no_trust_for_who_does_not_prove_its_name(
    database: Callable[[str], str], tmp_path: Path, documents: Path, keys: Keys, upstream: Upstream
) -> None:
    rogue_keys = Keys("rogue-key")
    rogue = await Upstream("rogue", rogue_keys.jwks).start()
    async with replica(database("discovery"), tmp_path / "discovery") as registry:
        gate = Gate(
            tmp_path / "gate",
            {
                "SERAI_OPENAPI": str(documents),
                "SERAI_DISCOVERY_URL": registry.url,
                "SERAI_REGISTRY_TOKEN": TOKEN,
                "SERAI_SERVICE_KEYS": tokens.SERVICE_KEYS,
                "SERAI_JWKS": json.dumps(keys.jwks),
            },
        )
        try:
            # It is there first and under every name, so whoever believed it would do so now.
            for service in DOCUMENTS:
                await registered(registry.url, "", Instance(f"{service}-0", service, "127.0.0.1", rogue.port))
            await gate.start()
            async with asyncio.timeout(30):
                while "does not prove that it is product" not in gate.log:
                    await asyncio.sleep(0.05)
            (await gate.get("/api/categories")).problem(503, "unavailable")

            for service in DOCUMENTS:
                seed = tokens.SERVICE_SEEDS[service]
                await registered(registry.url, seed, Instance(f"{service}-1", service, "127.0.0.1", upstream.port))
            await gate.until(lambda answer: answer.status == 200, "/api/categories")
            for _ in range(30):
                assert (await gate.get("/api/categories")).json["from"] == "first"
            assert (await gate.ask("GET", "/api/auth/me", token=keys.token())).status == 200
            # Whoever is believed to be user says which keys sign tokens.
            assert (await gate.ask("GET", "/api/auth/me", token=rogue_keys.token())).status == 401
            assert not rogue.seen
        finally:
            assert await gate.stop() == 0
            await rogue.stop()


async def registered(url: str, seed: str, instance: Instance) -> None:
    registry = Registry([url], TOKEN, key=seed)
    await registry.register(instance, ttl_s=60)
    await registry.close()
