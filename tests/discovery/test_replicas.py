"""Replicas: two registry servers on one database behave as one registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg

from tests.discovery.registry_server import registry_server
from tests.discovery.test_blocking_queries import SERVICE, blocked


async def test_a_query_at_one_replica_wakes_for_a_change_at_the_other(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    url = database("discovery")
    async with registry_server(url, tmp_path) as there, registry_server(url, tmp_path) as here:
        _, index = await here.get(SERVICE)
        watch = await blocked(here, SERVICE, index)
        await there.register("p1")
        async with asyncio.timeout(2):
            entries, index = await watch
        assert [entry["Service"]["ID"] for entry in entries] == ["p1"]
        assert (await there.get(SERVICE))[1] == index


async def test_heartbeats_may_go_to_any_replica_and_one_may_stop(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    url = database("discovery")
    async with registry_server(url, tmp_path) as here:
        async with registry_server(url, tmp_path) as there:
            await there.register("p1", TTL="2s")
        await here.put("/v1/agent/check/pass/service:p1")
        await here.until({"p1": "passing"})
        await here.until({"p1": "critical"})


async def test_waiting_queries_are_answered_when_their_replica_stops(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    async with registry_server(database("discovery"), tmp_path) as leaving:
        _, index = await leaving.get(SERVICE)
        watch = await blocked(leaving, SERVICE, index, wait="5m")
        leaving.leave()
        async with asyncio.timeout(2):
            assert await watch == ([], index)
            assert await leaving.get(SERVICE, index=str(index), wait="5m") == ([], index)


async def test_no_change_is_missed_when_the_listening_connection_is_lost(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    url = database("discovery")
    async with registry_server(url, tmp_path) as registry:
        _, index = await registry.get(SERVICE)
        watch = await blocked(registry, SERVICE, index)
        admin = await asyncpg.connect(url)
        try:
            async with admin.transaction():
                killed = await admin.fetchval(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where application_name = 'serai-discovery-listen' and datname = current_database()"
                )
                assert killed == 1
            await registry.register("p1")
        finally:
            await admin.close()
        async with asyncio.timeout(60):
            entries, _ = await watch
        assert [entry["Service"]["ID"] for entry in entries] == ["p1"]
