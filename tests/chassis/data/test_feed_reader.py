"""The consuming side of a feed: each event is applied once, and a failed event delays its own subject only."""

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

from serai.chassis import tracing
from serai.chassis.auth.signer import Signer
from serai.chassis.calls import deadline
from serai.chassis.calls.client import Calls
from serai.chassis.calls.registry import Registry
from serai.chassis.data.database import Connection, Database, DatabaseUnavailable
from serai.chassis.data.feed import Event, Events, Feed
from serai.chassis.data.feed_reader import FeedClient, FeedReader
from serai.chassis.errors import Unavailable
from tests import tokens
from tests.chassis.calls.callees import callee, remember, unavailable
from tests.chassis.data.feeds import append, read_all


class LocalFeedClient:
    """Reads a feed of this process, without HTTP."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        return await self._feed.after("test", position, limit, min(wait_s, 0.2))


class RecordingFeedClient(LocalFeedClient):
    """Remembers what a reader asks for."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self.requests: list[tuple[int, int, float]] = []

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        self.requests.append((position, limit, wait_s))
        return await super().after(position, limit, wait_s)


@asynccontextmanager
async def running_reader(
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


def reader_of(
    feed: Feed,
    db: Database,
    apply: Callable[[Connection, Event], Any] = record,
    after: Callable[[], None] = lambda: None,
) -> FeedReader:
    return FeedReader("order", "test", LocalFeedClient(feed), db, apply, after)  # type: ignore[arg-type]  # same method


async def parked(db: Database) -> list[dict[str, Any]]:
    async with db.connection() as conn:
        rows = await conn.fetch(
            "select *, extract(epoch from next_at - now())::float as due_s from feed_parked order by position"
        )
    return [dict(row) for row in rows]


async def transactions(db: Database, reader_of_feed: Feed, n: int) -> tuple[list[Event], list[str], FeedReader]:
    """`n` events of as many subjects, and where a reader notes which subject it applied in which transaction."""
    noted: list[str] = []

    async def apply(tx: Connection, event: Event) -> None:
        noted.append(f"{event.subject} {await tx.fetchval('select pg_current_xact_id()::text')}")

    for number in range(n):
        await append(db, reader_of_feed, f"s{number}", n=number)
    return await read_all(reader_of_feed, n), noted, reader_of(reader_of_feed, db, apply)


async def test_two_readers_apply_each_event_once(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with running_reader(feed, db, record), running_reader(feed, db, record):
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
    async with running_reader(feed, db, apply):
        assert await applied(db, 3) == ["good:1", "good:2", "good:3"]
        broken = False
        order = [resource for resource in await applied(db, 6) if resource.startswith("bad")]
        assert order == ["bad:1", "bad:2", "bad:3"]
    async with db.connection() as conn:
        assert await conn.fetchval("select count(*) from feed_parked") == 0


async def test_the_client_polls_the_internal_route_of_the_producer(tmp_path: Path) -> None:
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


async def test_a_poll_that_fails_is_not_retried_by_the_call_itself(tmp_path: Path) -> None:
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


async def test_a_reader_polls_for_a_third_of_its_lease_or_half_a_second_while_an_event_is_parked(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop

    async def apply(_: Connection, event: Event) -> None:
        raise ValueError("never")

    client = RecordingFeedClient(feed)
    reader = FeedReader("order", "test", client, db, apply, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.requests:
            await asyncio.sleep(0.01)
        await append(db, feed, "s", n=1)
        while len({wait_s for _, _, wait_s in client.requests}) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (client.requests[0], client.requests[-1]) == ((0, 200, 5.0), (1, 200, 0.5))


async def test_a_reader_renews_its_lease_before_it_expires_and_not_in_each_round(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    async def left_after(age_s: float) -> float:
        """Seconds of a lease of one second, of which the reader thinks that it is so old, after some rounds."""
        async with db.connection() as conn:
            await conn.execute("update feed_cursor set lease_until = now() + interval '1 second'")
            reader._leased_at = time.monotonic() - age_s
            rounds = len(client.requests)
            while len(client.requests) < rounds + 3:
                await asyncio.sleep(0.01)
            found: float = await conn.fetchval(
                "select extract(epoch from lease_until - now())::float from feed_cursor where feed = 'order'"
            )
            return found

    client = RecordingFeedClient(feed)
    reader = FeedReader("order", "test", client, db, record, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.requests:
            await asyncio.sleep(0.01)
        assert await left_after(0) < 1
        assert await left_after(5.1) > 10
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reader_on_standby_checks_the_lease_without_trying_to_take_it(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    holder = reader_of(feed, db)
    assert await holder._lease() == 0
    async with running_reader(feed, db, record) as standby:
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


async def test_a_reader_that_loses_the_race_for_a_free_lease_stays_on_standby(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop

    class TooLate(FeedReader):
        async def _is_lease_free(self) -> bool:
            return True

    holder = reader_of(feed, db)
    assert await holder._lease() == 0
    client = RecordingFeedClient(feed)
    late = TooLate("order", "test", client, db, record, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(late.run())
    await asyncio.sleep(0.8)
    assert not task.done()
    assert client.requests == []
    await holder.release()
    async with asyncio.timeout(10):
        while not client.requests:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_reader_at_a_time_has_the_lease_until_it_is_released_or_expires(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    one, other = reader_of(feed, db), reader_of(feed, db)
    assert await one._is_lease_free()
    assert await one._lease() == 0
    assert await one._lease() == 0
    assert await one._is_lease_free()
    assert not await other._is_lease_free()
    assert await other._lease() is None
    await other.release()
    assert await other._lease() is None
    await one.release()
    assert await other._is_lease_free()
    assert await other._lease() == 0
    async with db.connection() as conn:
        left = await conn.fetchval("select lease_until - now() from feed_cursor where feed = 'order'")
        await conn.execute("update feed_cursor set lease_until = now() - interval '1 second'")
    assert timedelta(seconds=10) < left <= timedelta(seconds=15)
    assert await one._is_lease_free()
    assert await one._lease() == 0


async def test_another_reader_goes_on_at_the_position_of_the_one_that_left(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with running_reader(feed, db, record) as first:
        await append(db, feed, "s", n=1)
        assert await applied(db, 1) == ["s:1"]
    async with running_reader(feed, db, record):
        await append(db, feed, "s", n=2)
        await asyncio.sleep(0.1)
        assert await applied(db, 0) == ["s:1"]
        await first.release()
        async with asyncio.timeout(10):
            assert await applied(db, 2) == ["s:1", "s:2"]


async def test_an_event_is_applied_in_its_trace_and_the_callback_follows_the_commit(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    traces: list[str] = []
    told = asyncio.Event()

    async def apply(tx: Connection, event: Event) -> None:
        traces.append((tracing.ids() or ("", ""))[0])
        await record(tx, event)

    with tracing.span("request", "test", f"00-{'a' * 32}-{'b' * 16}-01"):
        await append(db, feed, "s", n=1)
    (event,) = await read_all(feed, 1)
    reader = reader_of(feed, db, apply, told.set)
    assert await reader._lease() == 0
    assert await reader._consume_all([event], 0)
    assert traces == ["a" * 32]
    assert tracing.ids() is None
    assert told.is_set()


async def test_a_parked_event_is_retried_with_pauses_that_double_up_to_a_minute(
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
    reader._may_have_parked = False
    assert await reader._consume_all(events, 0)
    assert reader._may_have_parked
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


async def test_a_parked_event_is_not_retried_before_its_time_and_by_one_reader_only(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    broken = True
    told: list[int] = []

    async def apply(tx: Connection, event: Event) -> None:
        if broken:
            raise ValueError("not yet")
        await record(tx, event)

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


async def test_an_event_is_not_parked_because_of_a_transient_database_error(shop: tuple[Database, Feed]) -> None:
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


async def test_a_transient_database_error_does_not_count_as_a_retry(shop: tuple[Database, Feed]) -> None:
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


async def test_a_reader_whose_cursor_another_has_moved_applies_no_batch(shop: tuple[Database, Feed]) -> None:
    db, feed = shop

    await append(db, feed, "s", n=1)
    events = await read_all(feed, 1)
    stale = reader_of(feed, db)
    assert await stale._lease() == 0
    assert not await stale._consume_all(events, 5)
    async with db.transaction() as tx:
        await tx.execute("update feed_cursor set owner = 'another'")
    assert not await stale._consume_all(events, 0)
    assert await applied(db, 0) == []


async def test_a_batch_is_applied_in_one_transaction(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    events, noted, reader = await transactions(db, feed, 3)
    assert await reader._lease() == 0
    assert await reader._consume_all(events, 0)
    assert [line.split()[0] for line in noted] == ["s0", "s1", "s2"]
    assert len({line.split()[1] for line in noted}) == 1
    async with db.connection() as conn:
        assert await conn.fetchval("select position from feed_cursor") == 3


async def test_an_event_is_parked_behind_an_earlier_one_of_its_subject(
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


async def test_a_reader_that_takes_the_lease_checks_for_parked_events(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    reader = reader_of(feed, db)
    reader._may_have_parked = False
    assert await reader._lease() == 0
    assert reader._may_have_parked is True


async def test_a_reader_whose_cursor_another_has_moved_goes_on_from_the_new_position(
    shop: tuple[Database, Feed],
) -> None:
    db, feed = shop
    client = RecordingFeedClient(feed)
    reader = FeedReader("order", "test", client, db, record, lambda: None)  # type: ignore[arg-type]  # same method
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(20):
        while not client.requests:
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


async def test_many_events_are_applied_in_batches_under_one_lease(shop: tuple[Database, Feed]) -> None:
    db, feed = shop
    async with db.transaction() as tx:
        for n in range(70):
            await feed.append(tx, "test.happened", "s", {"n": n})
    feed.nudge()
    await read_all(feed, 70)
    async with running_reader(feed, db, record) as reader:
        assert len(await applied(db, 1)) >= 1
        leased_at = reader._leased_at
        assert len(await applied(db, 70)) == 70
        assert reader._leased_at == leased_at


@pytest.mark.parametrize("in_a_batch", [False, True])
async def test_an_event_that_fails_is_not_parked_after_another_reader_has_moved_the_cursor(
    shop: tuple[Database, Feed], in_a_batch: bool
) -> None:
    db, feed = shop
    failures: list[Event] = []

    async def apply(_: Connection, event: Event) -> None:
        failures.append(event)
        raise ValueError("not yet")

    class Overtaken(FeedReader):
        """Another reader moves the cursor between the failure and the transaction that would park the event."""

        async def _advance(self, tx: Connection, old: int, new: int) -> bool:
            if failures:
                async with db.transaction() as other:
                    await other.execute("update feed_cursor set position = 1, owner = 'another'")
            return await super()._advance(tx, old, new)

    await append(db, feed, "s", n=1)
    (event,) = await read_all(feed, 1)
    reader = Overtaken("order", "test", LocalFeedClient(feed), db, apply, lambda: None)  # type: ignore[arg-type]  # same method
    assert await reader._lease() == 0
    assert not await (reader._consume_all([event], 0) if in_a_batch else reader._consume(event, 0))
    assert len(failures) == 1
    assert await parked(db) == []
