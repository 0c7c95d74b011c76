"""Prometheus (http_sd) and VictoriaMetrics (consul_sd) find registered instances and scrape them."""

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
from tests.discovery.registry_server import RegistryServer
from tests.interop.debian_package import DEADLINE_S, program
from tests.interop.running_program import RunningProgram, run_program

#: The first run on a machine fetches the programs.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(DEADLINE_S + 180)]

TARGETS = "/api/v1/targets?state=active"
#: A metric that only a scrape of the registry can have.
QUERY = "/api/v1/query?query=registry_blocking_queries"


class Target(msgspec.Struct):
    """A scrape target, as both programs report it."""

    labels: dict[str, str]
    health: str
    url: str = msgspec.field(name="scrapeUrl")
    error: str = msgspec.field(name="lastError", default="")


def targets(status: int, body: str) -> list[Target]:
    if status != 200:
        return []
    return msgspec.convert(json.loads(body)["data"]["activeTargets"], list[Target])


async def register(registry: RegistryServer, id_: str, port: int) -> None:
    check = {"TTL": "60s", "Status": "passing"}
    body = {"ID": id_, "Name": "monitored", "Address": "127.0.0.1", "Port": port, "Check": check}
    await registry.put("/v1/agent/service/register", body)


def configuration(folder: Path, found_by: dict[str, Any]) -> Path:
    """Writes the scrape configuration as JSON, which is valid YAML."""
    file = folder / "scrape.yml"
    job = {"job_name": "serai", "scrape_interval": "1s", "scrape_timeout": "1s"}
    file.write_text(json.dumps({"scrape_configs": [job | found_by]}))
    return file


def prometheus(folder: Path, registry: RegistryServer) -> AbstractAsyncContextManager[RunningProgram]:
    """Prometheus with HTTP service discovery."""
    url = f"http://127.0.0.1:{ports.find_free()}"
    source = {"url": f"{registry.url}/v1/sd/prometheus", "refresh_interval": "1s"}
    return run_program(
        folder,
        url,
        program("prometheus", "usr/bin/prometheus"),
        f"--config.file={configuration(folder, {'http_sd_configs': [source]})}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    )


def victoria_metrics(folder: Path, registry: RegistryServer) -> AbstractAsyncContextManager[RunningProgram]:
    """VictoriaMetrics with Consul service discovery, which uses blocking queries."""
    url = f"http://127.0.0.1:{ports.find_free()}"
    relabelled = [
        {"source_labels": ["__meta_consul_service"], "target_label": "job"},
        {"source_labels": ["__meta_consul_service_id"], "target_label": "instance"},
    ]
    source = {"server": registry.url.removeprefix("http://"), "services": ["monitored"]}
    return run_program(
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


async def test_scrapers_find_registered_instances_and_drop_deregistered_ones(
    registry: RegistryServer, tmp_path: Path
) -> None:
    """Both run concurrently, because each takes about five seconds to see a change."""
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
