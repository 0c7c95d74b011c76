"""A feed with its database and sequencer, for the tests of both of its sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Event, Feed


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
