"""Configuration that Envoy rejects is reported with the reason, and Envoy serves with the previous version."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from serai.gateway.config_rejections import ConfigRejections
from serai.gateway.config_source import FileSource
from serai.gateway.envoy_log import EnvoyLog
from serai.gateway.envoy_process import EnvoyFailed, EnvoyProcess
from serai.gateway.envoy_resources import bootstrap, build_resources
from serai.gateway.resource_files import ResourceFiles, write_atomically
from serai.gateway.system_state import SystemState
from tests.gateway.config_cases import ROUTES, edge_config
from tests.gateway.fake_services import DOCUMENTS, FakeConsul, Upstream
from tests.gateway.gateway_process import GatewayProcess

NewGateway = Callable[..., GatewayProcess]
INVALID = b'{"resources": [{"@type": "nonsense"}]}'


@dataclass
class RejectionProbe:
    """Reads the agent's server: rejected resources, metrics, log."""

    gateway: GatewayProcess
    url: str

    @property
    def folder(self) -> Path:
        return self.gateway.home / "gateway" / "envoy"

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession(self.url) as session, session.get(path) as response:
            return response.status, await response.text()

    async def refused(self) -> Any:
        status, text = await self.page("/readyz")
        assert status == 200, text
        return json.loads(text)["refused"]

    async def until(self, fact: Callable[[], Any], *, of: str) -> None:
        try:
            async with asyncio.timeout(30):
                while not await fact():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never: {of}\n{self.gateway.log[-4000:]}") from None

    async def logs(self, text: str) -> None:
        async def there() -> bool:
            return text in self.gateway.log

        await self.until(there, of=text)


@pytest.fixture
async def probe(consul: FakeConsul, upstream: Upstream, new_gateway: NewGateway) -> RejectionProbe:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = new_gateway(SERAI_INSTANCE="gateway-1")
    await gateway.start()
    await gateway.until(lambda response: response.status == 200, "/api/categories")
    return RejectionProbe(gateway, await consul.address_of("gateway-1"))


async def test_a_rejection_is_reported_with_its_reason_and_the_gateway_serves_on(probe: RejectionProbe) -> None:
    # A folder in place of the agent's temporary file, so that it cannot write the file again.
    obstacle = probe.folder / f".routes.json.{probe.gateway.pid}"
    obstacle.mkdir()
    write_atomically(probe.folder / "routes.json", INVALID)
    await probe.until(probe.refused, of="a refusal")
    refused = await probe.refused()
    assert list(refused) == ["routes"]
    assert "@type must contain" in refused["routes"]
    await probe.logs("envoy refused what it was given and goes on with the routes it had: in ")
    metrics = (await probe.page("/metrics"))[1]
    assert "gateway_config_stale 1.0" in metrics
    assert "gateway_config_rejected_total 1.0" in metrics
    assert (await probe.gateway.get("/api/categories")).status == 200
    assert (await probe.gateway.get("/healthz")).status == 200

    obstacle.rmdir()
    await probe.logs("envoy has taken new routes")
    assert await probe.refused() == {}
    # Envoy's log, with quoted JSON, has become log lines like all others.
    for line in probe.gateway.log.splitlines():
        assert {"time", "level", "message"} <= json.loads(line).keys()


async def test_a_file_changed_by_another_program_is_written_again(probe: RejectionProbe) -> None:
    files = {path: path.read_bytes() for path in probe.folder.rglob("*.json") if path.name != "bootstrap.json"}
    (probe.folder / "endpoints" / "cart.json").write_bytes(b"edited in place, so that Envoy has not seen it yet")
    write_atomically(probe.folder / "clusters.json", INVALID)
    await probe.logs("goes on with the clusters it had")

    async def all_restored() -> bool:
        return all(path.read_bytes() == content for path, content in files.items())

    await probe.until(all_restored, of="every file as it was")
    assert (await probe.gateway.get("/api/cart")).status == 200


async def test_a_rejected_listener_is_reported_with_the_reason(tmp_path: Path) -> None:
    nowhere = edge_config(bind="nowhere", source=FileSource(tmp_path))
    ResourceFiles(tmp_path).write(build_resources(ROUTES, SystemState(), nowhere))
    process = EnvoyProcess(tmp_path, bootstrap(nowhere), concurrency=1)
    with pytest.raises(EnvoyFailed, match="refused its listener: malformed IP address: nowhere"):
        await process.start()
    await process.stop()


async def test_a_failed_start_is_reported_with_the_reason(tmp_path: Path) -> None:
    process = EnvoyProcess(tmp_path, {"no_such_field": 1}, concurrency=1)
    with pytest.raises(EnvoyFailed, match=r"ended with 1 while it started: .*no_such_field"):
        await process.start()
    await process.stop()


COUNTERS = {
    "cluster_manager.cds.update_rejected": 0,
    "cluster_manager.cds.update_failure": 0,
    "cluster_manager.cds.update_success": 1,
    "http.edge.rds.edge.update_rejected": 0,
    "cluster.cart.update_rejected": 0,
    "cluster.cart.update_success": 1,
}


def test_a_rejection_is_active_until_a_newer_version_is_accepted() -> None:
    rejections = ConfigRejections()
    assert rejections.update(COUNTERS) == []
    now = COUNTERS | {"cluster_manager.cds.update_rejected": 1, "cluster.cart.update_rejected": 2}
    assert rejections.update(now) == ["clusters", "endpoints of cart"]
    rejections.set_reasons(["clusters", "endpoints of cart"], ["one", "other", "one"])
    assert rejections.active == {"clusters": "one; other", "endpoints of cart": "one; other"}
    assert rejections.update(now) == []
    assert rejections.update(now | {"cluster.cart.update_success": 2}) == []
    assert list(rejections.active) == ["clusters"]


def test_a_restarted_envoy_counts_from_zero() -> None:
    rejections = ConfigRejections()
    rejections.update(COUNTERS | {"cluster_manager.cds.update_rejected": 5})
    rejections.set_reasons(["clusters"], [])
    assert rejections.active == {"clusters": "its log says why"}
    assert rejections.update(COUNTERS) == []
    assert rejections.active == {}
    assert rejections.update(COUNTERS | {"cluster_manager.cds.update_rejected": 1}) == ["clusters"]


async def test_envoy_s_log_is_logged_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    log = EnvoyLog()
    reading, writing = os.pipe()
    with caplog.at_level(logging.DEBUG, "serai.gateway.envoy_log"):
        following = asyncio.create_task(log.follow(reading))
        for part in (
            b"warning config cut in the ",
            b'middle\ninfo main of two lines: \\"first\\"\\nsecond\n\n',
            b"warning config Filesystem config update rejected: " + b"x" * 50_000 + b"\n",
            b"y" * 300_000,
            b"\nSegmentation \xff fault\nerror last without an end",
        ):
            await asyncio.to_thread(os.write, writing, part)
        os.close(writing)
        await following
    reported = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert reported[0] == ("WARNING", "envoy config: cut in the middle")
    assert reported[1] == ("INFO", 'envoy main: of two lines: "first"\nsecond')
    assert reported[2][1].startswith("envoy config: Filesystem config update rejected: xxx")
    assert reported[3] == ("ERROR", "envoy: " + "y" * 2000)
    assert reported[4] == ("ERROR", "envoy: Segmentation \ufffd fault")
    assert reported[5] == ("ERROR", "envoy last: without an end")
    assert all(len(message) < 2100 for _, message in reported)
    assert log.take_reasons() == ["x" * 500]
    assert log.take_reasons() == []
