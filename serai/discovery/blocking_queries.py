"""Consul's blocking queries: long polls that wait until the index of a service changes.

One LISTEN connection per process wakes the queries that wait for a service. They then read the database, which alone
decides whether the index has changed. Queries that wake together share one read.
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

#: Below the server's limit of concurrent requests (1,024), so that heartbeats are served beside the waiting queries.
MAX_WAITING = 768
#: Interval and timeout of the query that detects a connection that died silently.
_PROBE_EVERY_S = 10.0
_PROBE_TIMEOUT_S = 3.0


class TooManyBlockingQueries(TooManyRequests):
    code, detail = "too_many_waiting", "Too many blocking queries are waiting at this registry."


class BlockingQueries:
    """The blocking queries of this process. `count` is the number of those that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Topic, set[asyncio.Event]] = {}
        self._leaving = False
        self._reads = _SharedReads(self._read)
        self.count = 0

    async def snapshot(self, topic: Topic, index: int, wait_s: float) -> Snapshot:
        """The snapshot of `topic` when its index differs from `index`, or after `wait_s` as it is then.

        The index may also be lower: a restored database is a change too. Raises `TooManyBlockingQueries`,
        `DatabaseUnavailable`.
        """
        if not index:
            return await self._reads.read(topic)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        with self._registered(topic) as changed:
            while True:
                # Cleared before reading, so that a change during the read ends the wait that follows it.
                changed.clear()
                snapshot = await self._reads.read(topic)
                left = deadline - loop.time()
                if snapshot.index != index or left <= 0 or self._leaving:
                    return snapshot
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return snapshot

    async def listen(self) -> None:
        """Listens for changes until the connection is lost, and then raises `DatabaseUnavailable`.

        The caller starts it again. Every waiting query then reads once, in case a change was missed.
        """
        try:
            conn = await self._database.dedicated()
        except TRANSIENT as error:
            raise DatabaseUnavailable from error
        try:
            lost = asyncio.Event()
            conn.add_termination_listener(lambda _: lost.set())
            await conn.add_listener(store.CHANNEL, lambda *notification: self._wake(str(notification[3])))
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
        """Answers all waiting queries and lets no new one wait, because this process is about to stop."""
        self._leaving = True
        self._wake_all()

    async def _read(self, topic: Topic) -> Snapshot:
        async with self._database.connection() as conn:
            return await (store.snapshot_of_all(conn) if topic is None else store.snapshot_of(conn, topic))

    @contextmanager
    def _registered(self, topic: Topic) -> Iterator[asyncio.Event]:
        if self.count >= MAX_WAITING:
            raise TooManyBlockingQueries
        changed = asyncio.Event()
        self._waiting.setdefault(topic, set()).add(changed)
        self.count += 1
        try:
            yield changed
        finally:
            self.count -= 1
            self._waiting[topic].discard(changed)
            if not self._waiting[topic]:
                del self._waiting[topic]

    def _wake(self, service: str) -> None:
        for topic in (service, None):
            for changed in self._waiting.get(topic, ()):
                changed.set()

    def _wake_all(self) -> None:
        for waiting in self._waiting.values():
            for changed in waiting:
                changed.set()


class _SharedReads:
    """Merges concurrent reads of a topic. A caller never gets a read that began before its call."""

    def __init__(self, read: Callable[[Topic], Awaitable[Snapshot]]) -> None:
        self._read = read
        self._waiters: dict[Topic, list[asyncio.Future[Snapshot]]] = {}
        self._running: dict[Topic, asyncio.Task[None]] = {}

    async def read(self, topic: Topic) -> Snapshot:
        answer: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(topic, []).append(answer)
        if topic not in self._running:
            self._running[topic] = asyncio.create_task(self._serve(topic), name=f"read {topic}")
        return await answer

    async def _serve(self, topic: Topic) -> None:
        try:
            while waiters := self._waiters.pop(topic, None):
                try:
                    snapshot = await self._read(topic)
                except Exception as error:
                    self._resolve(waiters, error)
                else:
                    self._resolve(waiters, snapshot)
        finally:
            del self._running[topic]

    @staticmethod
    def _resolve(waiters: list[asyncio.Future[Snapshot]], result: Snapshot | Exception) -> None:
        for future in waiters:
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
