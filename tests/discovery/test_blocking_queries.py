"""The index, and blocking queries."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from serai.discovery import blocking_queries
from tests.discovery.registry_server import RegistryServer

SERVICE = "/v1/health/service/product"


async def blocked(registry: RegistryServer, path: str, index: int, wait: str = "20s") -> asyncio.Task[tuple[Any, int]]:
    """Starts a blocking query and waits until the registry has it."""
    waiting = await waiting_queries(registry)
    task = asyncio.create_task(registry.get(path, index=str(index), wait=wait))
    async with asyncio.timeout(60):
        while await waiting_queries(registry) <= waiting:
            assert not task.done(), "the query returned instead of waiting"
            await asyncio.sleep(0.05)
    return task


async def waiting_queries(registry: RegistryServer) -> float:
    async with registry.session.get(f"{registry.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("registry_blocking_queries ")))


GETS = (
    "/v1/agent/self",
    "/v1/catalog/services",
    "/v1/catalog/service/unknown",
    "/v1/health/service/unknown",
    "/v1/health/state/any",
    "/v1/status/leader",
    "/v1/sd/prometheus",
)


async def test_every_get_returns_an_index_above_zero(registry: RegistryServer) -> None:
    for path in GETS:
        assert (await registry.get(path))[1] > 0, path


async def test_every_get_can_block_for_the_given_time(registry: RegistryServer) -> None:
    for path in GETS:
        answer, index = await registry.get(path)
        started = time.monotonic()
        assert await registry.get(path, index=str(index), wait="50ms") == (answer, index), path
        assert time.monotonic() - started >= 0.05, path
        watching = await blocked(registry, path, index, wait="10m")
        name = path.rpartition("/")[2] if path.endswith("/unknown") else "product"
        await registry.register(f"{name}-1", name)
        async with asyncio.timeout(30):
            assert (await watching)[1] > index, path
        await registry.put(f"/v1/agent/service/deregister/{name}-1")


async def test_the_index_is_per_service(registry: RegistryServer) -> None:
    await registry.register("p1")
    _, product = await registry.get(SERVICE)
    await registry.register("u1", "user")
    _, user = await registry.get("/v1/health/service/user")
    assert (await registry.get(SERVICE))[1] == product
    assert user > product
    assert (await registry.get("/v1/catalog/services"))[1] == user


async def test_a_heartbeat_without_a_change_does_not_increment_the_index(registry: RegistryServer) -> None:
    await registry.register("p1")
    before = (await registry.get(SERVICE))[1], (await registry.get("/v1/health/state/any"))[1]
    for note in ("", "still here", ""):
        await registry.put("/v1/agent/check/pass/service:p1", note=note)
    await registry.put("/v1/agent/check/update/service:p1", {"Status": "passing", "Output": "fine"})
    assert ((await registry.get(SERVICE))[1], (await registry.get("/v1/health/state/any"))[1]) == before


async def test_registering_again_changes_nothing_and_another_registration_with_the_id_replaces_it(
    registry: RegistryServer,
) -> None:
    await registry.register("p1")
    entries, index = await registry.get(SERVICE)
    await registry.register("p1")
    assert await registry.get(SERVICE) == (entries, index)

    await registry.register("p1", TTL="20s")
    entries, replaced = await registry.get(SERVICE)
    assert replaced > index
    assert len(entries) == 1


async def test_registering_again_ends_maintenance(registry: RegistryServer) -> None:
    await registry.register("p1")
    await registry.put("/v1/agent/service/maintenance/p1", enable="true")
    await registry.register("p1")
    assert len((await registry.get(SERVICE, passing="1"))[0]) == 1


async def test_registering_an_id_for_another_service_removes_it_from_the_first(registry: RegistryServer) -> None:
    await registry.register("p1")
    _, index = await registry.get(SERVICE)
    watching = await blocked(registry, SERVICE, index)
    await registry.register("p1", "user")
    entries, moved = await watching
    assert entries == []
    assert moved > index


async def test_a_query_for_an_unknown_service_blocks_until_it_appears_and_until_its_last_instance_leaves(
    registry: RegistryServer,
) -> None:
    entries, index = await registry.get(SERVICE)
    assert entries == []
    watching = await blocked(registry, SERVICE, index)
    await registry.register("p1")
    entries, appeared = await watching
    assert [entry["Service"]["ID"] for entry in entries] == ["p1"]

    watching = await blocked(registry, SERVICE, appeared)
    await registry.put("/v1/agent/service/deregister/p1")
    entries, gone = await watching
    assert entries == []
    assert gone > appeared
    assert (await registry.get(SERVICE))[1] == gone


@pytest.mark.parametrize("path", ["/v1/catalog/services", "/v1/health/state/any", "/v1/sd/prometheus"])
async def test_a_query_for_all_services_wakes_for_any_service(registry: RegistryServer, path: str) -> None:
    _, index = await registry.get(path)
    watching = await blocked(registry, path, index)
    await registry.register("p1")
    assert len((await watching)[0]) == 1


async def test_a_wait_without_a_change_ends_with_the_same_index(registry: RegistryServer) -> None:
    _, index = await registry.get(SERVICE)
    started = time.monotonic()
    assert await registry.get(SERVICE, index=str(index), wait="300ms") == ([], index)
    assert time.monotonic() - started >= 0.3


async def test_a_higher_index_from_before_a_restore_returns_immediately(registry: RegistryServer) -> None:
    entries, index = await registry.get(SERVICE, index="1000000", wait="20s")
    assert (entries, index) == ([], 1)


async def test_a_change_of_another_service_does_not_wake_a_query(registry: RegistryServer) -> None:
    await registry.register("p1")
    _, index = await registry.get(SERVICE)
    watching = await blocked(registry, SERVICE, index)
    await registry.register("u1", "user")
    await registry.put("/v1/agent/check/pass/service:p1")
    await registry.put("/v1/agent/check/fail/service:p1")
    entries, _ = await watching
    assert entries[0]["Checks"][0]["Status"] == "critical"


async def test_hundreds_of_queries_wait_and_all_wake(registry: RegistryServer) -> None:
    _, index = await registry.get(SERVICE)
    watches = [asyncio.create_task(registry.get(SERVICE, index=str(index), wait="30s")) for _ in range(300)]
    async with asyncio.timeout(60):
        while await waiting_queries(registry) < len(watches):
            await asyncio.sleep(0.05)
        await registry.register("p1")
        answers = await asyncio.gather(*watches)
    assert all(len(entries) == 1 for entries, _ in answers)


async def test_too_many_queries_are_refused_while_writes_go_on(
    registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking_queries, "MAX_WAITING", 1)
    _, index = await registry.get(SERVICE)
    first = await blocked(registry, SERVICE, index)
    async with registry.session.get(registry.url + SERVICE, params={"index": str(index)}) as response:
        assert response.status == 429
    await registry.register("p1")
    assert len((await first)[0]) == 1


async def test_a_disconnected_client_frees_its_place(registry: RegistryServer) -> None:
    _, index = await registry.get(SERVICE)
    watching = await blocked(registry, SERVICE, index, wait="10m")
    watching.cancel()
    async with asyncio.timeout(60):
        while await waiting_queries(registry):
            await asyncio.sleep(0.05)
