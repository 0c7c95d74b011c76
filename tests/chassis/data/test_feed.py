"""The feed: no event is skipped or applied twice, and a failed event delays its own subject only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.feed import Event, Events, Feed
from serai.chassis.data.feed_reader import FeedReader


class LocalFeedClient:
    """Reads a feed of this process, without HTTP."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        return await self._feed.after("test", position, limit, min(wait_s, 0.2))


@asynccontextmanager
async def producer(url: str) -> AsyncIterator[tuple[Database, Feed]]:
    db = Database(url, size=8)
    await db.open()
    feed = Feed("order", db, record_interval_s=0)
    sequencer = asyncio.create_task(feed.run())
    try:
        yield db, feed
    finally:
        sequencer.cancel()
        await asyncio.gather(sequencer, return_exceptions=True)
        await db.close()


@pytest.fixture
async def shop(database: Callable[[str], str]) -> AsyncIterator[tuple[Database, Feed]]:
    async with producer(database("order")) as opened:
        yield opened


async def append(db: Database, feed: Feed, subject: str, **data: Any) -> None:
    async with db.transaction() as tx:
        await feed.append(tx, "test.happened", subject, data)
    feed.nudge()


async def read_all(feed: Feed, at_least: int, consumer: str = "reader") -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(60):
        while len(found) < at_least:
            found += (await feed.after(consumer, found[-1].position if found else 0, 100, 1.0)).items
    return found


async def test_events_come_in_the_order_of_their_subject_without_gaps(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    async def one_subject(subject: str) -> None:
        for n in range(20):
            await append(db, feed, subject, n=n)

    await asyncio.gather(*(one_subject(f"s{number}") for number in range(5)))
    events = await read_all(feed, 100)
    assert [event.position for event in events] == list(range(1, 101))
    for number in range(5):
        assert [event.data["n"] for event in events if event.subject == f"s{number}"] == list(range(20))


async def test_an_event_that_commits_late_is_not_skipped(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as late:
        await feed.append(late, "test.happened", "late", {})
        await append(db, feed, "early")
        assert [event.subject for event in await read_all(feed, 1)] == ["early"]
    feed.nudge()
    assert [event.subject for event in await read_all(feed, 2)] == ["early", "late"]


async def test_a_long_poll_returns_as_soon_as_an_event_is_appended(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    waiting = asyncio.create_task(feed.after("reader", 0, 10, 20.0))
    await asyncio.sleep(0)
    await append(db, feed, "s")
    async with asyncio.timeout(3):
        assert len((await waiting).items) == 1


async def test_two_sequencers_assign_each_position_once(
    shop: tuple[Database, Feed], database: Callable[[str], str]
) -> None:
    db, feed = shop
    other = Feed("order", db)
    second = asyncio.create_task(other.run())
    await asyncio.gather(*(append(db, (feed, other)[n % 2], f"s{n}") for n in range(60)))
    events = await read_all(feed, 60)
    assert [event.position for event in events] == list(range(1, 61))
    second.cancel()


@asynccontextmanager
async def reader(
    feed: Feed, db: Database, apply: Callable[[Connection, Event], Any], name: str = "order"
) -> AsyncIterator[FeedReader]:
    reader = FeedReader(name, "test", LocalFeedClient(feed), db, apply, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def applied(db: Database, at_least: int) -> list[str]:
    """What the readers have written, in order."""
    async with asyncio.timeout(60):
        while True:
            async with db.connection() as conn:
                rows = await conn.fetch("select resource from idempotency_key order by created_at, resource")
            if len(rows) >= at_least:
                return [row["resource"] for row in rows]
            await asyncio.sleep(0.02)


async def record(tx: Connection, event: Event) -> None:
    """An effect that fails when it is applied twice."""
    await tx.execute(
        "insert into idempotency_key (caller, key, fingerprint, resource, created_at) "
        "values ('t', $1, '', $2, clock_timestamp())",
        str(event.id),
        f"{event.subject}:{event.data['n']}",
    )


async def test_two_readers_apply_each_event_once(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with reader(feed, db, record), reader(feed, db, record):
        for n in range(30):
            await append(db, feed, f"s{n % 3}", n=n)
        assert len(await applied(db, 30)) == 30
    async with db.connection() as conn:
        assert await conn.fetchval("select position from feed_cursor where feed = 'order'") == 30


async def test_a_reader_whose_cursor_another_has_moved_applies_nothing(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    await append(db, feed, "s", n=1)
    event = (await read_all(feed, 1))[0]
    stale = FeedReader("order", "test", LocalFeedClient(feed), db, record, lambda: None)  # type: ignore[arg-type]  # same method
    assert await stale._lease() == 0
    async with db.transaction() as tx:
        await tx.execute("update feed_cursor set position = 1, owner = 'another'")
    assert not await stale._consume(event, 0)
    assert await applied(db, 0) == []


async def test_an_event_that_fails_parks_its_subject_and_no_other(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    broken = True

    async def apply(tx: Connection, event: Event) -> None:
        if broken and event.subject == "bad" and event.data["n"] == 1:
            raise ValueError("not yet")
        await record(tx, event)

    for n in (1, 2, 3):
        await append(db, feed, "bad", n=n)
        await append(db, feed, "good", n=n)
    async with reader(feed, db, apply):
        assert await applied(db, 3) == ["good:1", "good:2", "good:3"]
        broken = False
        order = [resource for resource in await applied(db, 6) if resource.startswith("bad")]
        assert order == ["bad:1", "bad:2", "bad:3"]
    async with db.connection() as conn:
        assert await conn.fetchval("select count(*) from feed_parked") == 0


async def test_events_that_a_known_consumer_has_not_read_are_never_pruned(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    for n in range(4):
        await append(db, feed, str(uuid4()), n=n)
    await read_all(feed, 4)
    async with db.transaction() as tx:
        await tx.execute("update event set at = now() - interval '31 days'")
    await feed.after("slow", 2, 1, 0)
    await feed.after("reader", 4, 1, 0)
    await feed.prune()
    async with db.connection() as conn:
        assert await conn.fetchval("select min(position) from event") == 3
