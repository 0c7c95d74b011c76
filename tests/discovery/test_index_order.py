"""The consistency of blocking queries, whichever replica answers.

A response has an index that the service had, and the content at that index. A client that repeats the query with the
last index sees strictly rising indexes and finally the last one. It sees every index if it queries again before the
next change; a slower client skips to the newest.

This holds across replicas, and while the connections on which they listen for changes are cut.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.discovery.registry_server import RegistryServer, registry_server

pytestmark = pytest.mark.slow

PATH = "/v1/health/service/product"
WATCHERS = 6
#: The number of changes that every watcher sees before the next one, and of changes made as fast as possible.
PACED, RUSHED = 15, 30
Shown = dict[str, list[tuple[str, str]]]


def shown(entries: Any) -> Shown:
    """Instance id → its checks, the only thing that changes here."""
    return {entry["Service"]["ID"]: [(c["CheckID"], c["Status"]) for c in entry["Checks"]] for entry in entries}


@dataclass
class Watcher:
    """Follows the service with blocking queries, each at a random replica."""

    replicas: list[RegistryServer]
    choice: random.Random
    changed: list[tuple[int, Shown]] = field(default_factory=list)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self) -> None:
        index = 0
        while True:
            where = self.choice.choice(self.replicas)
            # Short and long waits: some time out and are repeated at another replica.
            wait = self.choice.choice(("20ms", "200ms", "20s"))
            entries, answered = await where.get(PATH, index=str(index), wait=wait)
            if answered != index:
                index = answered
                async with self.moved:
                    self.changed.append((answered, shown(entries)))
                    self.moved.notify_all()

    async def reaches(self, index: int) -> None:
        async with self.moved:
            await self.moved.wait_for(lambda: bool(self.changed) and self.changed[-1][0] >= index)


class Writer:
    """The only writer, so that it knows the complete history of the service."""

    def __init__(self, replicas: list[RegistryServer], choice: random.Random) -> None:
        self._replicas = replicas
        self._choice = choice
        self._here: dict[str, bool] = {}
        self.history: dict[int, Shown] = {}

    async def note(self) -> int:
        entries, index = await self._choice.choice(self._replicas).get(PATH)
        assert index not in self.history or self.history[index] == shown(entries)
        self.history[index] = shown(entries)
        return index

    async def change(self) -> None:
        """One change of `product`, and writes that do not change it."""
        where = self._choice.choice(self._replicas)
        id_ = self._choice.choice(("p1", "p2", "p3"))
        if id_ not in self._here:
            await where.register(id_)
            self._here[id_] = True
        elif self._choice.random() < 0.3:
            await where.put(f"/v1/agent/service/deregister/{id_}")
            del self._here[id_]
        else:
            self._here[id_] = not self._here[id_]
            await where.put(f"/v1/agent/check/{'pass' if self._here[id_] else 'fail'}/service:{id_}")
        for beating, well in self._here.items():
            await where.put(f"/v1/agent/check/{'pass' if well else 'fail'}/service:{beating}")
        await where.register(f"u{self._choice.randrange(9)}", "user")


async def test_watchers_see_the_history_in_order(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("discovery")
    admin = await asyncpg.connect(url)
    async with registry_server(url, tmp_path) as one, registry_server(url, tmp_path) as two, asyncio.timeout(100):
        replicas = [one, two]
        writer = Writer(replicas, random.Random(4))
        blocking_queries = [Watcher(replicas, random.Random(seed)) for seed in range(WATCHERS)]
        following = [asyncio.create_task(watcher.follow()) for watcher in blocking_queries]
        try:
            last = await writer.note()
            await all_reach(blocking_queries, last)
            for step in range(PACED):
                if step in (3, 10):
                    await cut_listeners(admin)
                await writer.change()
                last = await writer.note()
                await all_reach(blocking_queries, last)
            paced = sorted(writer.history)
            assert len(paced) == PACED + 1, "every change has its own index"
            for watcher in blocking_queries:
                assert [index for index, _ in watcher.changed] == paced

            for step in range(RUSHED):
                if step == RUSHED // 2:
                    await cut_listeners(admin)
                await writer.change()
                last = await writer.note()
            await all_reach(blocking_queries, last)
        finally:
            for task in following:
                task.cancel()
            ended = await asyncio.gather(*following, return_exceptions=True)
            await admin.close()
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
        assert len(writer.history) == PACED + RUSHED + 1
        for watcher in blocking_queries:
            indexes = [index for index, _ in watcher.changed]
            assert indexes == sorted(set(indexes)), "strictly rising"
            assert indexes[-1] == last
            for index, seen in watcher.changed:
                assert writer.history[index] == seen


async def all_reach(blocking_queries: list[Watcher], index: int) -> None:
    await asyncio.gather(*(watcher.reaches(index) for watcher in blocking_queries))


async def cut_listeners(admin: asyncpg.Connection[Any]) -> None:
    """Cuts the connections that listen. One that was just cut may not be back yet."""
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'serai-discovery-listen' and datname = current_database()"
    )
