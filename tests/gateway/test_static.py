"""A gateway without a registry, which goes by a list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Upstream


async def test_routes_by_a_list_and_follows_it(
    fresh_gate: Callable[..., Gate], tmp_path: Path, upstream: Upstream
) -> None:
    file = tmp_path / "services.json"
    moved = await Upstream("second", {}).start()

    def listed(*products: Upstream) -> str:
        found = {service: [f"127.0.0.1:{upstream.port}"] for service in DOCUMENTS}
        return json.dumps(found | {"product": [f"127.0.0.1:{product.port}" for product in products]})

    file.write_text(listed(upstream))
    gate = fresh_gate(SERAI_DISCOVERY="static", SERAI_DISCOVERY_URL="", SERAI_STATIC_SERVICES_FILE=str(file))
    try:
        await gate.start()
        await gate.until(lambda answer: answer.status == 200, "/api/categories")
        file.write_text(listed(moved))
        await gate.until(lambda a: a.status == 200 and a.json["from"] == "second", "/api/categories")
    finally:
        await moved.stop()


async def test_refuses_a_malformed_list(fresh_gate: Callable[..., Gate]) -> None:
    gate = fresh_gate(SERAI_DISCOVERY="static", SERAI_STATIC_SERVICES='{"product": ["nowhere"]}')
    try:
        await gate.start()
    except AssertionError:
        async with asyncio.timeout(60):
            assert await gate.ended() == 2
        assert "SERAI_STATIC_SERVICES: product: 'nowhere' is not host:port" in gate.log
    else:
        raise AssertionError("it started")
