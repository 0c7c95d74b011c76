"""The producing side of a feed: no event is skipped, each position is assigned once, and long polls do not burden the
database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from serai.chassis import tracing
from serai.chassis.data.database import Database
from serai.chassis.data.feed import MAX_EVENTS, Event, Events, Feed
from tests.chassis.data.feeds import append, read_all


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


async def test_a_sequencer_that_finds_another_at_work_tries_again_soon(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.connection() as conn:
        await conn.execute("select pg_advisory_lock(hashtext('feed_sequencer'))")
        await append(db, feed, "s")
        await asyncio.sleep(0.3)
        assert (await feed.after("reader", 0, 10, 0)).items == []
        await conn.execute("select pg_advisory_unlock(hashtext('feed_sequencer'))")
    async with asyncio.timeout(5):
        assert len(await read_all(feed, 1)) == 1


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


async def test_an_event_has_its_type_subject_source_time_and_trace(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    with tracing.span("request", "test", f"00-{'a' * 32}-{'b' * 16}-01"):
        async with db.transaction() as tx:
            event_id = await feed.append(tx, "order.paid", subject := uuid4(), {"amount": 5})
    feed.nudge()
    (event,) = await read_all(feed, 1)
    assert datetime.now(UTC) - event.time < timedelta(minutes=5)
    # The span of the statement that inserted the event.
    traceparent = event.traceparent or ""
    assert re.fullmatch(f"00-{'a' * 32}-[0-9a-f]{{16}}-01", traceparent)
    assert event == Event(
        id=event_id,
        source="/order",
        type="order.paid",
        subject=str(subject),
        time=event.time,
        position=1,
        data={"amount": 5},
        traceparent=traceparent,
    )


async def test_an_event_without_a_nudge_is_found_by_polling(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as tx:
        await feed.append(tx, "test.happened", "s", {})
    async with asyncio.timeout(5):
        assert len(await read_all(feed, 1)) == 1


async def test_a_response_holds_no_more_events_than_requested_nor_than_the_maximum(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    async with db.transaction() as tx:
        await tx.execute(
            "insert into event (id, type, subject, data) "
            "select gen_random_uuid(), 'test.happened', 's', '{}' from generate_series(1, $1)",
            MAX_EVENTS + 1,
        )
    await read_all(feed, MAX_EVENTS + 1)
    assert [event.position for event in (await feed.after("reader", 2, 2, 0)).items] == [3, 4]
    assert len((await feed.after("reader", 0, MAX_EVENTS + 1, 0)).items) == MAX_EVENTS


async def test_a_long_poll_waits_for_the_requested_time(shop: tuple[Database, Feed]) -> None:
    _, feed = shop
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await feed.after("reader", 0, 10, 0.3) == Events([])
    assert 0.3 <= loop.time() - began < 3
    began = loop.time()
    assert await feed.after("reader", 0, 10, 0) == Events([])
    assert loop.time() - began < 0.3


async def test_a_long_poll_that_has_read_all_does_not_query_the_database_until_an_event_comes(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    await append(db, feed, "s")
    assert len(await read_all(feed, 1)) == 1
    waiting = asyncio.create_task(feed.after("up to date", 1, 10, 0.5))
    await asyncio.sleep(0.2)
    async with db.connection() as conn:
        # Each look of this feed at the database leaves a record of the reader.
        assert await conn.fetchval("select count(*) from feed_reader where consumer = 'up to date'") == 0
        assert await waiting == Events([])
        assert await conn.fetchval("select count(*) from feed_reader where consumer = 'up to date'") == 1


async def test_a_sequencer_is_idle_when_every_event_has_its_position(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    await append(db, feed, "s")
    assert len(await read_all(feed, 1)) == 1
    await asyncio.sleep(0.1)
    assert not feed.nudge._set.is_set()


async def test_a_sequencer_that_ends_closes_its_connection_and_events_can_still_be_read(
    database: Callable[[str], str],
) -> None:
    async def listening() -> int:
        async with db.connection() as conn:
            found: int = await conn.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'"
            )
            return found

    db = Database(database("order"), size=8)
    await db.open()
    feed = Feed("order", db)
    sequencer = asyncio.create_task(feed.run())
    await append(db, feed, "s")
    assert len(await read_all(feed, 1)) == 1
    assert await listening() == 1
    sequencer.cancel()
    await asyncio.gather(sequencer, return_exceptions=True)
    async with asyncio.timeout(10):
        while await listening():
            await asyncio.sleep(0.01)
    assert len((await feed.after("reader", 0, 10, 0)).items) == 1
    await db.close()


async def test_long_polls_are_answered_when_the_process_drains(shop: tuple[Database, Feed]) -> None:
    _, feed = shop
    waiting = asyncio.create_task(feed.after("reader", 0, 10, 30.0))
    await asyncio.sleep(0.05)
    feed.stop_waiting()
    async with asyncio.timeout(3):
        assert await waiting == Events([])
        assert await feed.after("reader", 0, 10, 30.0) == Events([])


async def test_the_position_of_a_consumer_is_recorded_at_once_and_then_once_per_interval(
    shop: tuple[Database, Feed], database: Callable[[str], str]
) -> None:
    db, often = shop

    async def noted(feed: Feed, position: int) -> int | None:
        await feed.after("reader", position, 1, 0)
        async with db.connection() as conn:
            found: int | None = await conn.fetchval("select position from feed_reader where consumer = 'reader'")
            return found

    seldom = Feed("order", db)
    assert await noted(seldom, 1) == 1
    assert await noted(seldom, 2) == 1
    assert await noted(often, 3) == 3
    assert await noted(often, 4) == 4


async def test_events_are_kept_for_thirty_days_even_when_every_consumer_has_read_them(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    for n in range(3):
        await append(db, feed, "s", n=n)
    await read_all(feed, 3)
    await feed.after("reader", 3, 1, 0)
    async with db.transaction() as tx:
        await tx.execute(
            "update event set at = now() - make_interval(days => case position when 1 then 31 else 29 end)"
        )
    await feed.prune()
    assert [event.position for event in (await feed.after("reader", 0, 10, 0)).items] == [2, 3]


async def test_nothing_is_pruned_before_there_is_a_consumer(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    await append(db, feed, "s")
    async with asyncio.timeout(5):
        async with db.connection() as conn:
            while await conn.fetchval("select position from event") is None:
                await asyncio.sleep(0.01)
    async with db.transaction() as tx:
        await tx.execute("update event set at = now() - interval '31 days'")
    await feed.prune()
    async with db.connection() as conn:
        assert await conn.fetchval("select count(*) from event") == 1
