"""What somebody who follows a service by blocking queries is promised, wherever and however often they ask.

An answer's index is one that the service really had, and its content is what the service was then. Asking on with the
index of the last answer, one sees indexes that only rise, none twice as news, and in the end the last. Every single one
is seen by who is back to ask before the next change; who is slower is shown the newest and not what lay between.

All this holds across replicas, and while the connections by which they hear of changes are cut.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.discovery.replicas import Replica, replica

PATH = "/v1/health/service/product"
WATCHERS = 6
#: Changes that everybody sees before the next, and changes that come as fast as they can.
PACED, RUSHED = 15, 30
Shown = dict[str, list[tuple[str, str]]]


def shown(entries: Any) -> Shown:
    """Instance → its checks, which is all that changes here."""
    return {entry["Service"]["ID"]: [(c["CheckID"], c["Status"]) for c in entry["Checks"]] for entry in entries}


@dataclass
class Watcher:
    """Follows the service, each time at a replica chosen anew."""

    replicas: list[Replica]
    choice: random.Random
    news: list[tuple[int, Shown]] = field(default_factory=list)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self) -> None:
        index = 0
        while True:
            where = self.choice.choice(self.replicas)
            # Short and long waits: some end by themselves and are asked again elsewhere.
            wait = self.choice.choice(("20ms", "200ms", "20s"))
            entries, answered = await where.get(PATH, index=str(index), wait=wait)
            if answered != index:
                index = answered
                async with self.moved:
                    self.news.append((answered, shown(entries)))
                    self.moved.notify_all()

    async def reaches(self, index: int) -> None:
        async with self.moved:
            await self.moved.wait_for(lambda: bool(self.news) and self.news[-1][0] >= index)


class Writer:
    """The only one who changes the service, so that it knows all of its history."""

    def __init__(self, replicas: list[Replica], choice: random.Random) -> None:
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
        """One change of product, and things that are none."""
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


async def test_watchers_see_what_was_in_the_order_it_was(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("discovery")
    admin = await asyncpg.connect(url)
    async with replica(url, tmp_path) as one, replica(url, tmp_path) as two, asyncio.timeout(100):
        replicas = [one, two]
        writer = Writer(replicas, random.Random(4))
        watchers = [Watcher(replicas, random.Random(seed)) for seed in range(WATCHERS)]
        following = [asyncio.create_task(watcher.follow()) for watcher in watchers]
        try:
            last = await writer.note()
            await all_reach(watchers, last)
            for step in range(PACED):
                if step in (3, 10):
                    await cut_listeners(admin)
                await writer.change()
                last = await writer.note()
                await all_reach(watchers, last)
            paced = sorted(writer.history)
            assert len(paced) == PACED + 1, "every change has an index of its own"
            for watcher in watchers:
                assert [index for index, _ in watcher.news] == paced

            for step in range(RUSHED):
                if step == RUSHED // 2:
                    await cut_listeners(admin)
                await writer.change()
                last = await writer.note()
            await all_reach(watchers, last)
        finally:
            for task in following:
                task.cancel()
            ended = await asyncio.gather(*following, return_exceptions=True)
            await admin.close()
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
        assert len(writer.history) == PACED + RUSHED + 1
        for watcher in watchers:
            indexes = [index for index, _ in watcher.news]
            assert indexes == sorted(set(indexes)), "only rising, none twice"
            assert indexes[-1] == last
            for index, seen in watcher.news:
                assert writer.history[index] == seen


async def all_reach(watchers: list[Watcher], index: int) -> None:
    await asyncio.gather(*(watcher.reaches(index) for watcher in watchers))


async def cut_listeners(admin: asyncpg.Connection[Any]) -> None:
    """Those that are there: one that has just been cut may not be back."""
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'serai-discovery-listen' and datname = current_database()"
    )
