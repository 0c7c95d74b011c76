"""The feed: nothing skipped, nothing applied twice, nobody else's subject held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from aiohttp import web

from serai.chassis import deadline, telemetry
from serai.chassis.auth import Signer
from serai.chassis.client import Calls
from serai.chassis.db import Connection, Database, DatabaseUnavailable
from serai.chassis.errors import Unavailable
from serai.chassis.feed import MAX_EVENTS, Event, Events, Feed, FeedClient, Reader
from serai.chassis.registry import Registry
from tests import tokens
from tests.chassis.callees import callee, remember, unavailable


class Local:
    """Reads a feed of this process, where a reader would otherwise call another."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        return await self._feed.after("test", position, limit, min(wait_s, 0.2))


@asynccontextmanager
async def producer(url: str) -> AsyncIterator[tuple[Database, Feed]]:
    db = Database(url, size=8)
    await db.open()
    feed = Feed("order", db, note_every_s=0)
    sequencer = asyncio.create_task(feed.run())
    try:
        yield db, feed
    finally:
        sequencer.cancel()
        await asyncio.gather(sequencer, return_exceptions=True)
        await db.close()


@pytest.fixture
async def shop(database: Callable[[str], str]) -> AsyncIterator[tuple[Database, Feed]]:
    async with producer(database("order")) as made:
        yield made


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


async def test_an_event_that_commits_late_is_not_stepped_over(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as late:
        await feed.append(late, "test.happened", "late", {})
        await append(db, feed, "early")
        assert [event.subject for event in await read_all(feed, 1)] == ["early"]
    feed.nudge()
    assert [event.subject for event in await read_all(feed, 2)] == ["early", "late"]


async def test_a_long_poll_answers_as_soon_as_something_happens(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    waiting = asyncio.create_task(feed.after("reader", 0, 10, 20.0))
    await asyncio.sleep(0)
    await append(db, feed, "s")
    async with asyncio.timeout(3):
        assert len((await waiting).items) == 1


async def test_two_sequencers_hand_out_each_position_once(
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
async def reading(
    feed: Feed, db: Database, apply: Callable[[Connection, Event], Any], name: str = "order"
) -> AsyncIterator[Reader]:
    reader = Reader(name, "test", Local(feed), db, apply, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def applied(db: Database, at_least: int) -> list[str]:
    """What the readers below have written, in order."""
    async with asyncio.timeout(60):
        while True:
            async with db.connection() as conn:
                rows = await conn.fetch("select resource from idempotency_key order by created_at, resource")
            if len(rows) >= at_least:
                return [row["resource"] for row in rows]
            await asyncio.sleep(0.02)


async def note(tx: Connection, event: Event) -> None:
    """An effect that would fail if it were had twice."""
    await tx.execute(
        "insert into idempotency_key (caller, key, fingerprint, resource, created_at) "
        "values ('t', $1, '', $2, clock_timestamp())",
        str(event.id),
        f"{event.subject}:{event.data['n']}",
    )


async def test_two_readers_apply_each_event_once(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with reading(feed, db, note), reading(feed, db, note):
        for n in range(30):
            await append(db, feed, f"s{n % 3}", n=n)
        assert len(await applied(db, 30)) == 30
    async with db.connection() as conn:
        assert await conn.fetchval("select position from feed_cursor where feed = 'order'") == 30


async def test_a_reader_whose_cursor_was_moved_applies_nothing(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    await append(db, feed, "s", n=1)
    event = (await read_all(feed, 1))[0]
    zombie = Reader("order", "test", Local(feed), db, note, lambda: None)  # type: ignore[arg-type]  # same method
    assert await zombie._lease() == 0
    async with db.transaction() as tx:
        await tx.execute("update feed_cursor set position = 1, owner = 'another'")
    assert not await zombie._consume(event, 0)
    assert await applied(db, 0) == []


async def test_an_event_that_fails_parks_its_subject_and_no_other(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    broken = True

    async def apply(tx: Connection, event: Event) -> None:
        if broken and event.subject == "bad" and event.data["n"] == 1:
            raise ValueError("not yet")
        await note(tx, event)

    for n in (1, 2, 3):
        await append(db, feed, "bad", n=n)
        await append(db, feed, "good", n=n)
    async with reading(feed, db, apply):
        assert await applied(db, 3) == ["good:1", "good:2", "good:3"]
        broken = False
        order = [resource for resource in await applied(db, 6) if resource.startswith("bad")]
        assert order == ["bad:1", "bad:2", "bad:3"]
    async with db.connection() as conn:
        assert await conn.fetchval("select count(*) from feed_parked") == 0


async def test_what_a_known_reader_has_not_read_is_never_pruned(shop: tuple[Database, Feed]) -> None:
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


async def test_an_event_tells_what_happened_to_whom_where_and_when(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    trace = telemetry.trace_var.set(("a" * 32, "b" * 16))
    try:
        async with db.transaction() as tx:
            event_id = await feed.append(tx, "order.paid", subject := uuid4(), {"amount": 5})
    finally:
        telemetry.trace_var.reset(trace)
    feed.nudge()
    (event,) = await read_all(feed, 1)
    assert datetime.now(UTC) - event.time < timedelta(minutes=5)
    assert event == Event(
        id=event_id,
        source="/order",
        type="order.paid",
        subject=str(subject),
        time=event.time,
        position=1,
        data={"amount": 5},
        traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
    )


async def test_an_event_whose_producer_forgot_to_say_so_is_found_all_the_same(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as tx:
        await feed.append(tx, "test.happened", "s", {})
    async with asyncio.timeout(5):
        assert len(await read_all(feed, 1)) == 1


async def test_no_more_events_are_answered_than_were_asked_for_nor_than_a_page_holds(
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


async def test_a_long_poll_waits_as_long_as_it_was_told_to_and_no_longer(shop: tuple[Database, Feed]) -> None:
    _, feed = shop
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await feed.after("reader", 0, 10, 0.3) == Events([])
    assert 0.3 <= loop.time() - began < 3
    began = loop.time()
    assert await feed.after("reader", 0, 10, 0) == Events([])
    assert loop.time() - began < 0.3


async def test_a_long_poll_that_has_read_all_leaves_the_database_alone_until_something_happens(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    await append(db, feed, "s")
    assert len(await read_all(feed, 1)) == 1
    waiting = asyncio.create_task(feed.after("up to date", 1, 10, 0.5))
    await asyncio.sleep(0.2)
    async with db.connection() as conn:
        # Each look of this feed at the database leaves a note of the reader.
        assert await conn.fetchval("select count(*) from feed_reader where consumer = 'up to date'") == 0
        assert await waiting == Events([])
        assert await conn.fetchval("select count(*) from feed_reader where consumer = 'up to date'") == 1


async def test_a_sequencer_rests_when_every_event_has_its_position(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    await append(db, feed, "s")
    assert len(await read_all(feed, 1)) == 1
    await asyncio.sleep(0.1)
    assert not feed._committed.is_set()


async def test_a_sequencer_that_ends_leaves_no_connection_and_what_was_read_can_be_read_again(
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


async def test_long_polls_are_answered_when_the_process_leaves(shop: tuple[Database, Feed]) -> None:
    _, feed = shop
    waiting = asyncio.create_task(feed.after("reader", 0, 10, 30.0))
    await asyncio.sleep(0.05)
    feed.stop_waiting()
    async with asyncio.timeout(3):
        assert await waiting == Events([])
        assert await feed.after("reader", 0, 10, 30.0) == Events([])


async def test_how_far_a_reader_has_come_is_noted_at_first_and_then_seldom(
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


async def test_events_are_kept_for_thirty_days_even_when_everybody_has_read_them(
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


async def test_nothing_is_pruned_before_there_is_a_reader(shop: tuple[Database, Feed]) -> None:
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


async def test_a_feed_is_asked_for_over_the_internal_route_of_its_producer(tmp_path: Path) -> None:
    event = Event(
        id=uuid4(), source="/product", type="t", subject="s", time=datetime.now(UTC), position=8, data={"n": 1}
    )

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=msgspec.json.encode(Events([event])))

    async with callee("product-1", answer) as producing:
        remember(tmp_path, producing.instance)
        registry = Registry([], "", cache_dir=tmp_path)
        calls = Calls("order", ("product",), registry, Signer("order", tokens.SERVICE_SEEDS["order"]))
        try:
            assert await FeedClient(calls, "product", "order").after(7, 200, 0.5) == Events([event])
        finally:
            await calls.close()
            await registry.close()
        (request,) = producing.seen
        assert (request.method, request.path) == ("GET", "/internal/events")
        assert dict(request.query) == {"after": "7", "limit": "200", "wait": "0.5", "consumer": "order"}
        # The wait and five seconds for the way and the answer.
        assert 5_000 < int(request.headers[deadline.HEADER]) <= 5_500


async def test_a_feed_that_cannot_be_read_is_not_asked_again_by_the_call_itself(tmp_path: Path) -> None:
    async with callee("product-1", unavailable) as producing:
        remember(tmp_path, producing.instance)
        registry = Registry([], "", cache_dir=tmp_path)
        calls = Calls("order", ("product",), registry, Signer("order", tokens.SERVICE_SEEDS["order"]))
        try:
            with pytest.raises(Unavailable):
                await FeedClient(calls, "product", "order").after(7, 200, 0.5)
        finally:
            await calls.close()
            await registry.close()
        assert len(producing.seen) == 1


async def test_a_sequencer_that_found_another_at_work_tries_again_soon(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.connection() as conn:
        await conn.execute("select pg_advisory_lock(hashtext('feed_sequencer'))")
        await append(db, feed, "s")
        await asyncio.sleep(0.3)
        assert (await feed.after("reader", 0, 10, 0)).items == []
        await conn.execute("select pg_advisory_unlock(hashtext('feed_sequencer'))")
    async with asyncio.timeout(5):
        assert len(await read_all(feed, 1)) == 1


class Listening(Local):
    """Remembers what a reader asks for."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self.asked: list[tuple[int, int, float]] = []

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        self.asked.append((position, limit, wait_s))
        return await super().after(position, limit, wait_s)


async def test_a_reader_waits_a_third_of_its_lease_or_half_a_second_while_something_is_parked(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop

    async def apply(_: Connection, event: Event) -> None:
        raise ValueError("never")

    client = Listening(feed)
    reader = Reader("order", "test", client, db, apply, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.asked:
            await asyncio.sleep(0.01)
        await append(db, feed, "s", n=1)
        while len({wait_s for _, _, wait_s in client.asked}) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (client.asked[0], client.asked[-1]) == ((0, 200, 5.0), (1, 200, 0.5))


async def test_a_reader_renews_its_lease_in_time_and_not_all_the_time(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    async def left_after(age_s: float) -> float:
        """Seconds of a lease of one second, of which the reader thinks that it is so old, after some rounds."""
        async with db.connection() as conn:
            await conn.execute("update feed_cursor set lease_until = now() + interval '1 second'")
            reader._leased_at = time.monotonic() - age_s
            rounds = len(client.asked)
            while len(client.asked) < rounds + 3:
                await asyncio.sleep(0.01)
            found: float = await conn.fetchval(
                "select extract(epoch from lease_until - now())::float from feed_cursor where feed = 'order'"
            )
            return found

    client = Listening(feed)
    reader = Reader("order", "test", client, db, note, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.asked:
            await asyncio.sleep(0.01)
        assert await left_after(0) < 1
        assert await left_after(5.1) > 10
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reader_on_standby_looks_for_the_lease_without_reaching_for_it(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    holder = reader_of(feed, db)
    assert await holder._lease() == 0
    async with reading(feed, db, note) as standby:
        async with asyncio.timeout(20):
            while not standby._leased_at:
                await asyncio.sleep(0.01)
        reached_at = standby._leased_at
        await append(db, feed, "s", n=1)
        # Two looks.
        await asyncio.sleep(1.3)
        assert standby._leased_at == reached_at
        await holder.release()
        async with asyncio.timeout(10):
            assert await applied(db, 1) == ["s:1"]


async def test_a_reader_that_finds_the_lease_free_and_comes_too_late_goes_on_waiting(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop

    class TooLate(Reader):
        async def _is_free(self) -> bool:
            return True

    holder = reader_of(feed, db)
    assert await holder._lease() == 0
    client = Listening(feed)
    late = TooLate("order", "test", client, db, note, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(late.run())
    await asyncio.sleep(0.8)
    assert not task.done()
    assert client.asked == []
    await holder.release()
    async with asyncio.timeout(10):
        while not client.asked:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def reader_of(
    feed: Feed, db: Database, apply: Callable[[Connection, Event], Any] = note, after: Callable[[], None] = lambda: None
) -> Reader:
    return Reader("order", "test", Local(feed), db, apply, after)  # type: ignore[arg-type]  # same method


async def test_one_reader_at_a_time_has_the_lease_until_it_is_given_back_or_ends(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    one, other = reader_of(feed, db), reader_of(feed, db)
    assert await one._is_free()
    assert await one._lease() == 0
    assert await one._lease() == 0
    assert await one._is_free()
    assert not await other._is_free()
    assert await other._lease() is None
    await other.release()
    assert await other._lease() is None
    await one.release()
    assert await other._is_free()
    assert await other._lease() == 0
    async with db.connection() as conn:
        left = await conn.fetchval("select lease_until - now() from feed_cursor where feed = 'order'")
        await conn.execute("update feed_cursor set lease_until = now() - interval '1 second'")
    assert timedelta(seconds=10) < left <= timedelta(seconds=15)
    assert await one._is_free()
    assert await one._lease() == 0


async def test_another_reader_goes_on_where_the_one_that_left_had_come(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with reading(feed, db, note) as first:
        await append(db, feed, "s", n=1)
        assert await applied(db, 1) == ["s:1"]
    async with reading(feed, db, note):
        await append(db, feed, "s", n=2)
        await asyncio.sleep(0.1)
        assert await applied(db, 0) == ["s:1"]
        await first.release()
        async with asyncio.timeout(10):
            assert await applied(db, 2) == ["s:1", "s:2"]


async def test_what_is_applied_belongs_to_the_trace_of_its_event_and_is_told_after_the_commit(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    traces: list[str] = []
    told = asyncio.Event()

    async def apply(tx: Connection, event: Event) -> None:
        traces.append((telemetry.trace_var.get() or ("", ""))[0])
        await note(tx, event)

    trace = telemetry.trace_var.set(("a" * 32, "b" * 16))
    await append(db, feed, "s", n=1)
    telemetry.trace_var.reset(trace)
    (event,) = await read_all(feed, 1)
    reader = reader_of(feed, db, apply, told.set)
    assert await reader._lease() == 0
    assert await reader._consume_all([event], 0)
    assert traces == ["a" * 32]
    assert telemetry.trace_var.get() is None
    assert told.is_set()


async def parked(db: Database) -> list[dict[str, Any]]:
    async with db.connection() as conn:
        rows = await conn.fetch(
            "select *, extract(epoch from next_at - now())::float as due_s from feed_parked order by position"
        )
    return [dict(row) for row in rows]


async def test_a_parked_event_is_tried_again_with_pauses_that_double_up_to_a_minute(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    told: list[int] = []

    async def apply(_: Connection, event: Event) -> None:
        raise ValueError("x" * 600)

    await append(db, feed, "s", n=1)
    await append(db, feed, "s", n=2)
    events = await read_all(feed, 2)
    reader = reader_of(feed, db, apply, lambda: told.append(1))
    assert await reader._lease() == 0
    reader._parked_some = False
    assert await reader._consume_all(events, 0)
    assert reader._parked_some
    first, second = await parked(db)
    assert (first["feed"], first["position"], first["subject"], first["attempts"]) == ("order", 1, "s", 1)
    assert msgspec.convert(first["event"], Event) == events[0]
    assert first["error"] == repr(ValueError("x" * 600))[:500]
    assert 0 < first["due_s"] <= 1
    assert second["error"] == "waits for an earlier event of its subject"
    for attempts, pause_s in ((1, 2), (2, 4), (6, 60), (60, 60)):
        async with db.transaction() as tx:
            await tx.execute(
                "update feed_parked set attempts = $1, next_at = now() - interval '1 second', error = ''", attempts
            )
        assert await reader._retry_parked()
        first, second = await parked(db)
        assert first["attempts"] == attempts + 1
        assert pause_s - 1 < first["due_s"] <= pause_s
        assert first["error"] == repr(ValueError("x" * 600))[:500]
        assert (second["attempts"], second["error"]) == (attempts, "")
    assert told == [1]


async def test_a_parked_event_is_not_tried_before_its_time_and_by_one_reader_only(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    broken = True
    told: list[int] = []

    async def apply(tx: Connection, event: Event) -> None:
        if broken:
            raise ValueError("not yet")
        await note(tx, event)

    await append(db, feed, "s", n=1)
    events = await read_all(feed, 1)
    reader = reader_of(feed, db, apply, lambda: told.append(1))
    assert not await reader._retry_parked()
    assert await reader._lease() == 0
    assert await reader._consume_all(events, 0)
    broken = False
    assert await reader._retry_parked()
    assert await applied(db, 0) == []
    async with db.connection() as conn:
        await conn.execute("update feed_parked set next_at = now()")
        (row,) = await conn.fetch("select * from feed_parked")
    told.clear()
    assert await reader._retry_parked()
    assert not await reader._retry_parked()
    await reader._retry(row)
    assert await applied(db, 1) == ["s:1"]
    assert told == [1]


async def test_an_event_is_not_parked_because_the_database_is_away(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    async def apply(_: Connection, event: Event) -> None:
        raise asyncpg.DeadlockDetectedError("")

    await append(db, feed, "s", n=1)
    events = await read_all(feed, 1)
    reader = reader_of(feed, db, apply)
    assert await reader._lease() == 0
    with pytest.raises(DatabaseUnavailable):
        await reader._consume_all(events, 0)
    with pytest.raises(DatabaseUnavailable):
        await reader._consume(events[0], 0)
    assert await parked(db) == []


async def test_a_parked_event_has_not_been_tried_when_the_database_was_away(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    failure: Exception = ValueError("not yet")

    async def apply(_: Connection, event: Event) -> None:
        raise failure

    await append(db, feed, "s", n=1)
    reader = reader_of(feed, db, apply)
    assert await reader._lease() == 0
    assert await reader._consume_all(await read_all(feed, 1), 0)
    async with db.connection() as conn:
        row = await conn.fetchrow("select * from feed_parked")
    assert row is not None
    failure = asyncpg.DeadlockDetectedError("")
    with pytest.raises(DatabaseUnavailable):
        await reader._retry(row)
    assert [row["attempts"] for row in await parked(db)] == [1]


async def test_a_batch_of_a_reader_whose_cursor_was_moved_ends_there(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    await append(db, feed, "s", n=1)
    events = await read_all(feed, 1)
    zombie = reader_of(feed, db)
    assert await zombie._lease() == 0
    assert not await zombie._consume_all(events, 5)
    async with db.transaction() as tx:
        await tx.execute("update feed_cursor set owner = 'another'")
    assert not await zombie._consume_all(events, 0)
    assert await applied(db, 0) == []


async def transactions(db: Database, reader_of_feed: Feed, n: int) -> tuple[list[Event], list[str], Reader]:
    """`n` events of as many subjects, and where a reader notes which subject it applied in which transaction."""
    noted: list[str] = []

    async def apply(tx: Connection, event: Event) -> None:
        noted.append(f"{event.subject} {await tx.fetchval('select pg_current_xact_id()::text')}")

    for number in range(n):
        await append(db, reader_of_feed, f"s{number}", n=number)
    return await read_all(reader_of_feed, n), noted, reader_of(reader_of_feed, db, apply)


async def test_events_that_come_together_are_applied_in_one_transaction(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    events, noted, reader = await transactions(db, feed, 3)
    assert await reader._lease() == 0
    assert await reader._consume_all(events, 0)
    assert [line.split()[0] for line in noted] == ["s0", "s1", "s2"]
    assert len({line.split()[1] for line in noted}) == 1
    async with db.connection() as conn:
        assert await conn.fetchval("select position from feed_cursor") == 3


async def test_an_event_waits_for_a_parked_one_of_its_subject_that_came_long_before(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    events, noted, reader = await transactions(db, feed, 3)
    assert await reader._lease() == 0
    async with db.transaction() as tx:
        await reader._park(tx, msgspec.structs.replace(events[1], position=-1), "")
    assert await reader._consume_all(events, 0)
    assert [line.split()[0] for line in noted] == ["s0", "s2"]
    assert len({line.split()[1] for line in noted}) == 1
    assert [(row["position"], row["subject"]) for row in await parked(db)] == [(-1, "s1"), (2, "s1")]


async def test_whoever_takes_the_lease_looks_after_what_was_parked(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    reader = reader_of(feed, db)
    reader._parked_some = False
    assert await reader._lease() == 0
    assert reader._parked_some is True


async def test_a_reader_whose_cursor_was_moved_goes_on_from_where_it_is_now(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    client = Listening(feed)
    reader = Reader("order", "test", client, db, note, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.asked:
            await asyncio.sleep(0.01)
        async with db.transaction() as tx:
            await tx.execute(
                "update feed_cursor set position = 1, owner = 'another', lease_until = now() - interval '1 second'"
            )
            for n in (1, 2):
                await feed.append(tx, "test.happened", "s", {"n": n})
        feed.nudge()
        assert await applied(db, 1) == ["s:2"]
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_many_events_are_applied_batch_after_batch_under_one_lease(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as tx:
        for n in range(70):
            await feed.append(tx, "test.happened", "s", {"n": n})
    feed.nudge()
    await read_all(feed, 70)
    async with reading(feed, db, note) as reader:
        assert len(await applied(db, 1)) >= 1
        leased_at = reader._leased_at
        assert len(await applied(db, 70)) == 70
        assert reader._leased_at == leased_at


@pytest.mark.parametrize("in_a_batch", [False, True])
async def test_an_event_that_fails_is_not_parked_once_another_reader_has_moved_the_cursor(
    shop: tuple[Database, Feed], in_a_batch: bool
) -> None:
    db, feed = shop
    stealing: list[asyncio.Task[None]] = []

    async def steal() -> None:
        async with db.transaction() as tx:
            await tx.execute("update feed_cursor set position = 1, owner = 'another'")

    async def apply(_: Connection, event: Event) -> None:
        # It waits for the row that this transaction holds, so it is next.
        stealing.append(asyncio.create_task(steal()))
        async with db.connection() as conn:
            while not await conn.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.01)
        raise ValueError("not yet")

    await append(db, feed, "s", n=1)
    (event,) = await read_all(feed, 1)
    reader = reader_of(feed, db, apply)
    assert await reader._lease() == 0
    assert not await (reader._consume_all([event], 0) if in_a_batch else reader._consume(event, 0))
    await asyncio.gather(*stealing)
    assert await parked(db) == []
