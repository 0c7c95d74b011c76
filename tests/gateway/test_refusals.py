"""What Envoy refuses is told aloud, with its reason, and the edge serves on with what it had."""

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

from serai.gateway.envoy import bootstrap, resources
from serai.gateway.envoylog import EnvoyLog
from serai.gateway.files import Files, write_atomically
from serai.gateway.process import Envoy, EnvoyFailed
from serai.gateway.refusals import Refusals
from serai.gateway.snapshot import Snapshot
from serai.gateway.sources import FromFiles
from tests.gateway.gate import Gate
from tests.gateway.setups import ROUTES, edge
from tests.gateway.shop import DOCUMENTS, Consul, Upstream

Make = Callable[..., Gate]
NONSENSE = b'{"resources": [{"@type": "nonsense"}]}'


@dataclass
class Watched:
    gate: Gate
    url: str

    @property
    def folder(self) -> Path:
        return self.gate.home / "gateway" / "envoy"

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession(self.url) as session, session.get(path) as answer:
            return answer.status, await answer.text()

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
            raise AssertionError(f"never: {of}\n{self.gate.log[-4000:]}") from None

    async def logs(self, text: str) -> None:
        async def there() -> bool:
            return text in self.gate.log

        await self.until(there, of=text)


@pytest.fixture
async def watched(consul: Consul, upstream: Upstream, fresh_gate: Make) -> Watched:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = fresh_gate(SERAI_INSTANCE="gateway-1")
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    return Watched(gate, await consul.address_of("gateway-1"))


async def test_a_refusal_is_told_with_its_reason_and_the_edge_serves_on(watched: Watched) -> None:
    # A folder in the way of the agent's draft, so that it cannot put the file right.
    obstacle = watched.folder / f".routes.json.{watched.gate.pid}"
    obstacle.mkdir()
    write_atomically(watched.folder / "routes.json", NONSENSE)
    await watched.until(watched.refused, of="a refusal")
    refused = await watched.refused()
    assert list(refused) == ["routes"]
    assert "@type must contain" in refused["routes"]
    await watched.logs("envoy refused what it was given and goes on with the routes it had: in ")
    metrics = (await watched.page("/metrics"))[1]
    assert "gateway_config_stale 1.0" in metrics
    assert "gateway_config_rejected_total 1.0" in metrics
    assert (await watched.gate.get("/api/categories")).status == 200
    assert (await watched.gate.get("/healthz")).status == 200

    obstacle.rmdir()
    await watched.logs("envoy has taken new routes")
    assert await watched.refused() == {}
    # What Envoy logs, its quotations of JSON included, has become lines like all others.
    for line in watched.gate.log.splitlines():
        assert {"time", "level", "message"} <= json.loads(line).keys()


async def test_a_file_that_somebody_else_wrote_is_put_right(watched: Watched) -> None:
    files = {path: path.read_bytes() for path in watched.folder.rglob("*.json") if path.name != "bootstrap.json"}
    (watched.folder / "endpoints" / "cart.json").write_bytes(b"edited in place, so that Envoy has not seen it yet")
    write_atomically(watched.folder / "clusters.json", NONSENSE)
    await watched.logs("goes on with the clusters it had")

    async def all_as_they_were() -> bool:
        return all(path.read_bytes() == content for path, content in files.items())

    await watched.until(all_as_they_were, of="every file as it was")
    assert (await watched.gate.get("/api/cart")).status == 200


async def test_an_envoy_that_refuses_its_listener_says_why(tmp_path: Path) -> None:
    nowhere = edge(bind="nowhere", source=FromFiles(tmp_path))
    Files(tmp_path).write(resources(ROUTES, Snapshot(), nowhere))
    process = Envoy(tmp_path, bootstrap(nowhere), concurrency=1)
    with pytest.raises(EnvoyFailed, match="refused its listener: malformed IP address: nowhere"):
        await process.start()
    await process.stop()


async def test_an_envoy_that_does_not_start_says_why(tmp_path: Path) -> None:
    process = Envoy(tmp_path, {"no_such_field": 1}, concurrency=1)
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


def test_what_was_refused_stands_until_something_newer_is_taken() -> None:
    refusals = Refusals()
    assert refusals.look(COUNTERS) == []
    now = COUNTERS | {"cluster_manager.cds.update_rejected": 1, "cluster.cart.update_rejected": 2}
    assert refusals.look(now) == ["clusters", "endpoints of cart"]
    refusals.explain(["clusters", "endpoints of cart"], ["one", "other", "one"])
    assert refusals.standing == {"clusters": "one; other", "endpoints of cart": "one; other"}
    assert refusals.look(now) == []
    assert refusals.look(now | {"cluster.cart.update_success": 2}) == []
    assert list(refusals.standing) == ["clusters"]


def test_a_new_envoy_counts_from_the_beginning() -> None:
    refusals = Refusals()
    refusals.look(COUNTERS | {"cluster_manager.cds.update_rejected": 5})
    refusals.explain(["clusters"], [])
    assert refusals.standing == {"clusters": "its log says why"}
    assert refusals.look(COUNTERS) == []
    assert refusals.standing == {}
    assert refusals.look(COUNTERS | {"cluster_manager.cds.update_rejected": 1}) == ["clusters"]


async def test_whatever_envoy_logs_is_passed_on_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    log = EnvoyLog()
    reading, writing = os.pipe()
    with caplog.at_level(logging.DEBUG, "serai.gateway.envoylog"):
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
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told[0] == ("WARNING", "envoy config: cut in the middle")
    assert told[1] == ("INFO", 'envoy main: of two lines: "first"\nsecond')
    assert told[2][1].startswith("envoy config: Filesystem config update rejected: xxx")
    assert told[3] == ("ERROR", "envoy: " + "y" * 2000)
    assert told[4] == ("ERROR", "envoy: Segmentation \ufffd fault")
    assert told[5] == ("ERROR", "envoy last: without an end")
    assert all(len(message) < 2100 for _, message in told)
    assert log.reasons() == ["x" * 500]
    assert log.reasons() == []
