"""Prometheus by our http_sd list and VictoriaMetrics by our Consul dialect find what is registered, and scrape it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from serai.supervisor import ports
from tests.discovery.replicas import Replica
from tests.witnesses.debian import DEADLINE_S, program
from tests.witnesses.running import Witness, running

#: The first run on a machine fetches the programs.
pytestmark = pytest.mark.timeout(DEADLINE_S + 180)

TARGETS = "/api/v1/targets?state=active"
#: Something that only a scrape of the registry itself can have brought.
QUERY = "/api/v1/query?query=registry_blocking_queries"


class Found(msgspec.Struct):
    """A target as both tell of it."""

    labels: dict[str, str]
    health: str
    url: str = msgspec.field(name="scrapeUrl")
    error: str = msgspec.field(name="lastError", default="")


def targets(status: int, body: str) -> list[Found]:
    if status != 200:
        return []
    return msgspec.convert(json.loads(body)["data"]["activeTargets"], list[Found])


async def register(registry: Replica, id_: str, port: int) -> None:
    check = {"TTL": "60s", "Status": "passing"}
    body = {"ID": id_, "Name": "monitored", "Address": "127.0.0.1", "Port": port, "Check": check}
    await registry.put("/v1/agent/service/register", body)


def configuration(folder: Path, found_by: dict[str, Any]) -> Path:
    """JSON is YAML."""
    file = folder / "scrape.yml"
    job = {"job_name": "serai", "scrape_interval": "1s", "scrape_timeout": "1s"}
    file.write_text(json.dumps({"scrape_configs": [job | found_by]}))
    return file


def prometheus(folder: Path, registry: Replica) -> AbstractAsyncContextManager[Witness]:
    """By its HTTP service discovery."""
    url = f"http://127.0.0.1:{ports.find_free()}"
    source = {"url": f"{registry.url}/v1/sd/prometheus", "refresh_interval": "1s"}
    return running(
        folder,
        url,
        program("prometheus", "usr/bin/prometheus"),
        f"--config.file={configuration(folder, {'http_sd_configs': [source]})}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    )


def victoria_metrics(folder: Path, registry: Replica) -> AbstractAsyncContextManager[Witness]:
    """By its Consul service discovery, which waits for changes with blocking queries."""
    url = f"http://127.0.0.1:{ports.find_free()}"
    relabelled = [
        {"source_labels": ["__meta_consul_service"], "target_label": "job"},
        {"source_labels": ["__meta_consul_service_id"], "target_label": "instance"},
    ]
    source = {"server": registry.url.removeprefix("http://"), "services": ["monitored"]}
    return running(
        folder,
        url,
        program("victoria-metrics", "usr/bin/victoria-metrics"),
        f"-promscrape.config={configuration(folder, {'consul_sd_configs': [source], 'relabel_configs': relabelled})}",
        "-promscrape.consulSDCheckInterval=1s",
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr={url.removeprefix('http://')}",
        "-search.latencyOffset=0s",
        "-memory.allowedBytes=64MB",
    )


async def test_scrapers_find_what_is_registered_and_forget_what_leaves(registry: Replica, tmp_path: Path) -> None:
    """Both at once, as each takes its five seconds to look at what has changed."""
    await register(registry, "monitored-1", urlsplit(registry.url).port or 0)
    await register(registry, "monitored-2", 1)
    for name in ("prometheus", "victoria"):
        (tmp_path / name).mkdir()
    async with (
        prometheus(tmp_path / "prometheus", registry) as one,
        victoria_metrics(tmp_path / "victoria", registry) as two,
    ):
        for seen in await asyncio.gather(*(each.until(TARGETS, one_up_one_down) for each in (one, two))):
            found = {target.labels["instance"]: target for target in targets(200, seen)}
            assert found["monitored-1"].url == f"{registry.url}/metrics"
            assert {target.labels["job"] for target in found.values()} == {"monitored"}
        await registry.put("/v1/agent/service/deregister/monitored-2")
        await asyncio.gather(*(each.until(TARGETS, one_is_left) for each in (one, two)))
        await asyncio.gather(*(each.until(QUERY, one_series) for each in (one, two)))


def one_up_one_down(status: int, body: str) -> bool:
    health = {target.labels["instance"]: target.health for target in targets(status, body)}
    return health == {"monitored-1": "up", "monitored-2": "down"}


def one_is_left(status: int, body: str) -> bool:
    return [target.labels["instance"] for target in targets(status, body)] == ["monitored-1"]


def one_series(status: int, body: str) -> bool:
    return status == 200 and len(json.loads(body)["data"]["result"]) == 1
