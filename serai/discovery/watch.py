"""Waiting for a change without asking again and again.

One LISTEN connection per process wakes the long polls that wait for a service; they then read the database, which
alone decides whether there is news. Those who wake together share one read.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from serai.chassis.data.database import TRANSIENT, Database, DatabaseUnavailable
from serai.chassis.errors import TooManyRequests
from serai.discovery import store
from serai.discovery.domain import Snapshot

#: A service's name, or None for the registry as a whole.
Topic: TypeAlias = str | None

#: Below what the server takes on at once (1,024), so that heartbeats find a place beside everybody who waits.
MAX_WAITING = 768
#: A connection that died without a word is noticed within this time.
_PROBE_EVERY_S = 10.0
_PROBE_TIMEOUT_S = 3.0


class TooManyWaiting(TooManyRequests):
    code, detail = "too_many_waiting", "Too many blocking queries wait on this registry."


class Watchers:
    """The blocking queries of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Topic, set[asyncio.Event]] = {}
        self._leaving = False
        self._reads = _SharedReads(self._read)
        self.count = 0

    async def snapshot(self, topic: Topic, index: int, wait_s: float) -> Snapshot:
        """The state of `topic` once its index is another than `index`, or as it is after `wait_s`.

        Another index, not a higher one: after a restore the index may have gone back, which is news as well.
        Raises `TooManyWaiting`, `DatabaseUnavailable`.
        """
        if not index:
            return await self._reads.read(topic)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        with self._expecting(topic) as news:
            while True:
                # Cleared before reading, so that a change during the read ends the wait that follows it.
                news.clear()
                snapshot = await self._reads.read(topic)
                left = deadline - loop.time()
                if snapshot.index != index or left <= 0 or self._leaving:
                    return snapshot
                try:
                    await asyncio.wait_for(news.wait(), left)
                except TimeoutError:
                    return snapshot

    async def listen(self) -> None:
        """Hear of changes for as long as the connection lasts; started again, everybody looks for what was missed.

        Raises `DatabaseUnavailable`.
        """
        try:
            conn = await self._database.dedicated()
        except TRANSIENT as error:
            raise DatabaseUnavailable from error
        try:
            lost = asyncio.Event()
            conn.add_termination_listener(lambda _: lost.set())
            await conn.add_listener(store.CHANNEL, lambda *told: self._wake(str(told[3])))
            self._wake_all()
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), _PROBE_EVERY_S * random.uniform(0.8, 1.0))
                except TimeoutError:
                    await conn.execute("select 1", timeout=_PROBE_TIMEOUT_S)
            raise DatabaseUnavailable("the connection that listens for changes was lost")
        except TRANSIENT as error:
            raise DatabaseUnavailable from error
        finally:
            conn.terminate()

    def leave(self) -> None:
        """Answer everybody who waits and let nobody wait any more: this process is about to end."""
        self._leaving = True
        self._wake_all()

    async def _read(self, topic: Topic) -> Snapshot:
        async with self._database.connection() as conn:
            return await (store.snapshot_of_all(conn) if topic is None else store.snapshot_of(conn, topic))

    @contextmanager
    def _expecting(self, topic: Topic) -> Iterator[asyncio.Event]:
        if self.count >= MAX_WAITING:
            raise TooManyWaiting
        news = asyncio.Event()
        self._waiting.setdefault(topic, set()).add(news)
        self.count += 1
        try:
            yield news
        finally:
            self.count -= 1
            self._waiting[topic].discard(news)
            if not self._waiting[topic]:
                del self._waiting[topic]

    def _wake(self, service: str) -> None:
        for topic in (service, None):
            for news in self._waiting.get(topic, ()):
                news.set()

    def _wake_all(self) -> None:
        for waiting in self._waiting.values():
            for news in waiting:
                news.set()


class _SharedReads:
    """Whoever asks for a topic while it is being read gets the next read, which begins after they asked."""

    def __init__(self, read: Callable[[Topic], Awaitable[Snapshot]]) -> None:
        self._read = read
        self._asking: dict[Topic, list[asyncio.Future[Snapshot]]] = {}
        self._running: dict[Topic, asyncio.Task[None]] = {}

    async def read(self, topic: Topic) -> Snapshot:
        answer: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._asking.setdefault(topic, []).append(answer)
        if topic not in self._running:
            self._running[topic] = asyncio.create_task(self._serve(topic), name=f"read {topic}")
        return await answer

    async def _serve(self, topic: Topic) -> None:
        try:
            while asking := self._asking.pop(topic, None):
                try:
                    snapshot = await self._read(topic)
                except Exception as error:
                    self._answer(asking, error)
                else:
                    self._answer(asking, snapshot)
        finally:
            del self._running[topic]

    @staticmethod
    def _answer(asking: list[asyncio.Future[Snapshot]], answer: Snapshot | Exception) -> None:
        for future in asking:
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
