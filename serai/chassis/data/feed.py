"""Events as a feed: what happened is appended in the transaction that makes it happen, and read at leisure.

A reader asks for what came after a position, applies each event and moves its cursor in the same transaction, so an
event has its effect exactly once. Nothing is pushed, so nothing is lost between a commit and a push.

Positions are handed out after commit, by one sequencer at a time: a serial number taken inside the transaction would
let a reader step over one that commits late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis import telemetry
from serai.chassis.calls.client import Calls, ServiceClient
from serai.chassis.data.database import TRANSIENT, Connection, Database
from serai.chassis.errors import Problem
from serai.chassis.ids import new_id

log = logging.getLogger(__name__)

CHANNEL = "serai_feed"
MAX_EVENTS = 500
MAX_WAIT_S = 30.0
KEPT_DAYS = 30
_LEASE_S = 15
#: How often a replica without the lease looks whether it was given back: so long do events wait when a reader leaves.
_STANDBY_S = 0.5
_TICK_S = 0.2
#: Positions are handed out at most so often: under load one round of it, and one answer to each reader, serves many
#: transactions.
_ROUND_S = 0.05
#: Events applied in one transaction.
_BATCH = 32
_PARK_FIRST_S = 1.0
_PARK_MAX_S = 60.0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0 in structured JSON mode. `position` and `traceparent` are extension attributes."""

    specversion: str = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    position: int
    data: dict[str, Any]
    traceparent: str | None = None
    datacontenttype: str = "application/json"


class Events(msgspec.Struct, frozen=True):
    """Events after the position asked for, in order; empty when nothing came within the wait."""

    items: list[Event]


class NewEvent(msgspec.Struct, frozen=True):
    """What goes into the event table beside its subject, for a statement that writes more than the event."""

    id: UUID
    type: str
    data: Any
    traceparent: str | None


def new_event(type_: str, data: Any) -> NewEvent:
    """`data` holds ids and facts, no personal data."""
    return NewEvent(new_id(), type_, msgspec.to_builtins(data), telemetry.traceparent())


class Feed:
    """The producing side. `append` inside a transaction, `nudge` after its commit; `run` hands positions out."""

    def __init__(self, source: str, db: Database, *, note_every_s: float = 30.0) -> None:
        """How far a reader has come is only noted for pruning, so seldom: every `note_every_s` seconds."""
        self._source = source
        self._db = db
        self._note_every_s = note_every_s
        self._noted: dict[str, float] = {}
        self._committed = asyncio.Event()
        self._arrived = asyncio.Event()
        #: The last position that was handed out, once it has been heard of.
        self._head: int | None = None
        self._stopping = False

    async def append(self, tx: Connection, type_: str, subject: UUID | str, data: Any) -> UUID:
        """Record that something happened. `data` holds ids and facts, no personal data."""
        event = new_event(type_, data)
        await tx.execute(
            "insert into event (id, type, subject, data, traceparent) values ($1, $2, $3, $4, $5)",
            event.id,
            event.type,
            str(subject),
            event.data,
            event.traceparent,
        )
        return event.id

    def nudge(self) -> None:
        """A transaction with events has committed: do not wait for the timer."""
        self._committed.set()

    async def after(self, consumer: str, position: int, limit: int, wait_s: float) -> Events:
        """Events after `position`, waiting up to `wait_s` seconds for a first one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(wait_s, MAX_WAIT_S)
        rows: list[asyncpg.Record] = []
        while True:
            arrived = self._arrived
            left = deadline - loop.time()
            is_new = self._head is None or position < self._head
            if is_new or left <= 0 or self._stopping:
                rows = await self._read(consumer, position, min(limit, MAX_EVENTS))
            if rows or left <= 0 or self._stopping:
                return Events([self._event(row) for row in rows])
            # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await arrived.wait()

    async def _read(self, consumer: str, position: int, limit: int) -> list[asyncpg.Record]:
        async with self._db.connection() as conn:
            rows = await conn.fetch(
                """select id, type, subject, at, position, data, traceparent from event
                   where position > $1 order by position limit $2""",
                position,
                limit,
            )
            if time.monotonic() - self._noted.get(consumer, -1e9) >= self._note_every_s:
                self._noted[consumer] = time.monotonic()
                await conn.execute(
                    """insert into feed_reader (consumer, position) values ($1, $2)
                       on conflict (consumer) do update set position = $2, seen_at = now()""",
                    consumer,
                    position,
                )
        return rows

    def _event(self, row: asyncpg.Record) -> Event:
        return Event(
            id=row["id"],
            source=f"/{self._source}",
            type=row["type"],
            subject=row["subject"],
            time=row["at"],
            position=row["position"],
            data=row["data"],
            traceparent=row["traceparent"],
        )

    def stop_waiting(self) -> None:
        """Let long polls answer now, because the process is about to leave."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def run(self) -> None:
        """Hand out positions: after a nudge at once, else every 200 ms, and wake readers on any replica."""
        listener: asyncpg.Connection[asyncpg.Record] | None = None
        try:
            while True:
                if listener is None or listener.is_closed():
                    # What was told meanwhile has been missed.
                    self._head = None
                    listener = await self._db.dedicated()
                    await listener.add_listener(CHANNEL, self._heard)
                    self._wake()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await self._committed.wait()
                if self._committed.is_set() or await self._any_unsequenced():
                    self._committed.clear()
                    await self._sequence()
                    await asyncio.sleep(_ROUND_S)
        finally:
            self._head = None
            if listener is not None:
                listener.terminate()

    def _heard(self, *told: object) -> None:
        self._head = int(str(told[-1]))
        self._wake()

    async def _any_unsequenced(self) -> bool:
        """Whether a process died, or another forgot, between a commit and its nudge."""
        async with self._db.connection() as conn:
            found: bool = await conn.fetchval("select exists (select 1 from event where position is null)")
            return found

    async def _sequence(self) -> None:
        async with self._db.connection() as conn:
            if not await conn.fetchval("select hand_out_positions($1)", CHANNEL):
                self._committed.set()
                await asyncio.sleep(0.002)

    async def prune(self) -> None:
        """Drop events older than 30 days that every known reader has passed, a bounded number at a time."""
        async with self._db.transaction() as tx:
            await tx.execute(
                """delete from event where seq in (
                     select seq from event
                     where at < now() - make_interval(days => $1)
                       and position <= coalesce((select min(position) from feed_reader), 0)
                     order by seq limit 5000)""",
                KEPT_DAYS,
            )


class FeedClient(ServiceClient):
    """Reads the feed of one producer."""

    def __init__(self, calls: Calls, producer: str, consumer: str) -> None:
        self.callee = producer
        self._consumer = consumer
        super().__init__(calls)

    async def after(self, position: int, limit: int, wait_s: float) -> Events:
        return await self._call(
            "events",
            "GET",
            "/internal/events",
            Events,
            query={"after": str(position), "limit": str(limit), "wait": str(wait_s), "consumer": self._consumer},
            timeout_s=wait_s + 5.0,
            retryable=False,
        )


Apply = Callable[[Connection, Event], Awaitable[None]]


class Reader:
    """The consuming side: applies every event of one feed once, in the order of its subject.

    One replica at a time holds the lease. An event whose application fails is parked together with what follows it on
    the same subject, and tried again with growing pauses; the other subjects go on.
    """

    def __init__(
        self, producer: str, consumer: str, client: FeedClient, db: Database, apply: Apply, after: Callable[[], None]
    ) -> None:
        """`apply` has its effect in the transaction it is handed, and ignores types it does not know. `after` is
        called when something was applied and committed."""
        self.producer = producer
        self._owner = f"{consumer}-{new_id()}"
        self._client = client
        self._db = db
        self._apply = apply
        self._after = after
        self._leased_at = 0.0
        #: Whether events may be parked; then each round looks after them.
        self._parked_some = True

    async def run(self) -> None:
        """Read for ever. Errors of the network or the database end the round, and the caller starts another."""
        position = await self._lease()
        while True:
            if position is None:
                await asyncio.sleep(_STANDBY_S)
                if not await self._is_free():
                    continue
            if position is None or time.monotonic() - self._leased_at > _LEASE_S / 3:
                position = await self._lease()
                if position is None:
                    continue
            if self._parked_some:
                self._parked_some = await self._retry_parked()
            events = (await self._client.after(position, 200, 0.5 if self._parked_some else _LEASE_S / 3)).items
            for start in range(0, len(events), _BATCH):
                batch = events[start : start + _BATCH]
                if not await self._consume_all(batch, position):
                    position = None
                    break
                position = batch[-1].position
            telemetry.FEED_POSITION.labels(self.producer).set(position or 0)

    async def _lease(self) -> int | None:
        async with self._db.connection() as conn:
            position: int | None = await conn.fetchval(
                """insert into feed_cursor (feed, owner, lease_until) values ($1, $2, now() + make_interval(secs => $3))
                   on conflict (feed) do update set owner = $2, lease_until = excluded.lease_until
                   where feed_cursor.owner = $2 or feed_cursor.lease_until < now()
                   returning position""",
                self.producer,
                self._owner,
                _LEASE_S,
            )
        self._leased_at = time.monotonic()
        self._parked_some = True
        return position

    async def _is_free(self) -> bool:
        """Whether the lease is to be had: a look, which waits for nobody and writes nothing."""
        async with self._db.connection() as conn:
            free: bool | None = await conn.fetchval(
                "select owner = $2 or lease_until < now() from feed_cursor where feed = $1", self.producer, self._owner
            )
        return free is not False

    async def release(self) -> None:
        """Give the lease back, so that another replica need not wait for its end."""
        async with self._db.transaction() as tx:
            await tx.execute(
                "update feed_cursor set lease_until = '-infinity' where feed = $1 and owner = $2",
                self.producer,
                self._owner,
            )

    async def _consume_all(self, events: list[Event], position: int) -> bool:
        """Apply several in one transaction; should one of them fail, each in one of its own. False when another reader
        has moved the cursor meanwhile."""
        try:
            async with self._db.transaction() as tx:
                if not await self._advance(tx, position, events[-1].position):
                    return False
                parked = await self._parked_subjects(tx) if self._parked_some else frozenset()
                for event in events:
                    await self._apply_or_queue(tx, event, parked)
            self._after()
        except Exception as error:
            if isinstance(error.__cause__, TRANSIENT):
                raise
            for event in events:
                if not await self._consume(event, position):
                    return False
                position = event.position
        return True

    async def _apply_or_queue(self, tx: Connection, event: Event, parked: frozenset[str]) -> None:
        if event.subject in parked:
            await self._park(tx, event, "waits for an earlier event of its subject")
            return
        with telemetry.span("event", event.type, event.traceparent):
            await self._apply(tx, event)

    async def _parked_subjects(self, tx: Connection) -> frozenset[str]:
        rows = await tx.fetch("select distinct subject from feed_parked where feed = $1", self.producer)
        return frozenset(row["subject"] for row in rows)

    async def _consume(self, event: Event, position: int) -> bool:
        """Apply `event`, or park it; False when another reader has moved the cursor meanwhile."""
        try:
            async with self._db.transaction() as tx:
                if not await self._advance(tx, position, event.position):
                    return False
                await self._apply_or_queue(tx, event, await self._parked_subjects(tx))
            self._after()
        except Exception as error:
            if isinstance(error.__cause__, TRANSIENT):
                raise
            log.exception("event parked", extra={"feed": self.producer, "event": event.type, "subject": event.subject})
            async with self._db.transaction() as tx:
                if not await self._advance(tx, position, event.position):
                    return False
                await self._park(tx, event, repr(error)[:500])
        return True

    async def _advance(self, tx: Connection, old: int, new: int) -> bool:
        return (
            await tx.execute(
                "update feed_cursor set position = $3 where feed = $1 and position = $2 and owner = $4",
                self.producer,
                old,
                new,
                self._owner,
            )
            == "UPDATE 1"
        )

    async def _park(self, tx: Connection, event: Event, error: str) -> None:
        self._parked_some = True
        await tx.execute(
            """insert into feed_parked (feed, position, subject, event, error, next_at)
               values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))""",
            self.producer,
            event.position,
            event.subject,
            msgspec.to_builtins(event),
            error,
            _PARK_FIRST_S,
        )

    async def _retry_parked(self) -> bool:
        """Try the first parked event of each due subject; True while anything stays parked."""
        async with self._db.connection() as conn:
            due = await conn.fetch(
                """select distinct on (subject) position, subject, event, attempts, next_at <= now() as due
                   from feed_parked where feed = $1 order by subject, position limit 200""",
                self.producer,
            )
        telemetry.FEED_PARKED.labels(self.producer).set(len(due))
        for row in due:
            if row["due"]:
                await self._retry(row)
        return bool(due)

    async def _retry(self, row: asyncpg.Record) -> None:
        event = msgspec.convert(row["event"], Event)
        try:
            async with self._db.transaction() as tx:
                gone = await tx.execute(
                    "delete from feed_parked where feed = $1 and position = $2", self.producer, row["position"]
                )
                if gone != "DELETE 1":
                    return
                await self._apply_or_queue(tx, event, frozenset())
            self._after()
        except Exception as error:
            if isinstance(error.__cause__, TRANSIENT):
                raise
            pause = min(_PARK_FIRST_S * 2 ** min(row["attempts"], 10), _PARK_MAX_S)
            log.warning(
                "event still parked: %s",
                error if isinstance(error, Problem) else repr(error),
                extra={"feed": self.producer, "event": event.type, "subject": event.subject, "delay_s": pause},
            )
            async with self._db.transaction() as tx:
                await tx.execute(
                    """update feed_parked set attempts = attempts + 1, error = $3,
                              next_at = now() + make_interval(secs => $4)
                       where feed = $1 and position = $2""",
                    self.producer,
                    row["position"],
                    repr(error)[:500],
                    pause,
                )
