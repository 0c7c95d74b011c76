"""A gateway without a registry, with a static list of addresses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from tests.gateway.fake_services import DOCUMENTS, Upstream
from tests.gateway.gateway_process import GatewayProcess


async def test_a_static_list_is_used_and_read_again_when_it_changes(
    new_gateway: Callable[..., GatewayProcess], tmp_path: Path, upstream: Upstream
) -> None:
    file = tmp_path / "services.json"
    moved = await Upstream("second", {}).start()

    def listed(*products: Upstream) -> str:
        found = {service: [f"127.0.0.1:{upstream.port}"] for service in DOCUMENTS}
        return json.dumps(found | {"product": [f"127.0.0.1:{product.port}" for product in products]})

    file.write_text(listed(upstream))
    gateway = new_gateway(SERAI_DISCOVERY="static", SERAI_DISCOVERY_URL="", SERAI_STATIC_SERVICES_FILE=str(file))
    try:
        await gateway.start()
        await gateway.until(lambda response: response.status == 200, "/api/categories")
        file.write_text(listed(moved))
        await gateway.until(lambda a: a.status == 200 and a.json["from"] == "second", "/api/categories")
    finally:
        await moved.stop()


async def test_a_malformed_list_is_refused(new_gateway: Callable[..., GatewayProcess]) -> None:
    gateway = new_gateway(SERAI_DISCOVERY="static", SERAI_STATIC_SERVICES='{"product": ["nowhere"]}')
    try:
        await gateway.start()
    except AssertionError:
        async with asyncio.timeout(60):
            assert await gateway.wait_ended() == 2
        assert "SERAI_STATIC_SERVICES: product: 'nowhere' is not host:port" in gateway.log
    else:
        raise AssertionError("it started")
