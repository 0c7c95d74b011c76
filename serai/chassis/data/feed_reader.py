"""The consuming side of a feed: read events from a producer and apply each exactly once.

The cursor advances in the transaction that applies the events, so a crash neither skips nor repeats an event.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec

from serai.chassis import telemetry, tracing
from serai.chassis.calls.client import Calls, ServiceClient
from serai.chassis.data.database import TRANSIENT, Connection, Database
from serai.chassis.data.feed import Event, Events
from serai.chassis.errors import Problem
from serai.chassis.ids import new_id

log = logging.getLogger(__name__)

_LEASE_S = 15
#: How often a replica without the lease checks whether it was released. Events wait this long when a reader stops.
_STANDBY_S = 0.5
#: Events applied in one transaction.
_BATCH = 32
_RETRY_MIN_S = 1.0
_RETRY_MAX_S = 60.0


class FeedClient(ServiceClient):
    """Polls the feed of one producer."""

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


class FeedReader:
    """Applies every event of one feed once, in order within a subject.

    One replica at a time holds the lease. When an event fails, it is parked together with the later events of the same
    subject and retried with growing pauses. Other subjects go on.
    """

    def __init__(
        self, producer: str, consumer: str, client: FeedClient, db: Database, apply: Apply, after: Callable[[], None]
    ) -> None:
        """`apply` takes effect in the transaction that it receives, and ignores event types it does not know. `after`
        is called after a commit of applied events."""
        self.producer = producer
        self._owner = f"{consumer}-{new_id()}"
        self._client = client
        self._db = db
        self._apply = apply
        self._on_applied = after
        self._leased_at = 0.0
        #: Whether there may be parked events, which each round then retries.
        self._may_have_parked = True

    async def run(self) -> None:
        """Poll until an error of the network or the database, which is raised. The caller then runs it again."""
        position = await self._lease()
        while True:
            if position is None:
                await asyncio.sleep(_STANDBY_S)
                if not await self._is_lease_free():
                    continue
            if position is None or time.monotonic() - self._leased_at > _LEASE_S / 3:
                position = await self._lease()
                if position is None:
                    continue
            if self._may_have_parked:
                self._may_have_parked = await self._retry_parked()
            events = (await self._client.after(position, 200, 0.5 if self._may_have_parked else _LEASE_S / 3)).items
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
        self._may_have_parked = True
        return position

    async def _is_lease_free(self) -> bool:
        """Whether the lease can be taken: a read that takes no lock."""
        async with self._db.connection() as conn:
            free: bool | None = await conn.fetchval(
                "select owner = $2 or lease_until < now() from feed_cursor where feed = $1", self.producer, self._owner
            )
        return free is not False

    async def release(self) -> None:
        """Release the lease, so that another replica need not wait until it expires."""
        async with self._db.transaction() as tx:
            await tx.execute(
                "update feed_cursor set lease_until = '-infinity' where feed = $1 and owner = $2",
                self.producer,
                self._owner,
            )

    async def _consume_all(self, events: list[Event], position: int) -> bool:
        """Apply several events in one transaction; if one fails, each in a transaction of its own. False when another
        reader has moved the cursor."""
        try:
            async with self._db.transaction() as tx:
                if not await self._advance(tx, position, events[-1].position):
                    return False
                parked = await self._parked_subjects(tx) if self._may_have_parked else frozenset()
                for event in events:
                    await self._apply_or_park(tx, event, parked)
            self._on_applied()
        except Exception as error:
            if isinstance(error.__cause__, TRANSIENT):
                raise
            for event in events:
                if not await self._consume(event, position):
                    return False
                position = event.position
        return True

    async def _apply_or_park(self, tx: Connection, event: Event, parked: frozenset[str]) -> None:
        if event.subject in parked:
            await self._park(tx, event, "waits for an earlier event of its subject")
            return
        with tracing.span("event", f"process {event.type}", event.traceparent) as span:
            span.attributes = {
                "messaging.system": "serai",
                "messaging.operation.name": "process",
                "messaging.destination.name": self.producer,
                "messaging.message.id": str(event.id),
            }
            await self._apply(tx, event)

    async def _parked_subjects(self, tx: Connection) -> frozenset[str]:
        rows = await tx.fetch("select distinct subject from feed_parked where feed = $1", self.producer)
        return frozenset(row["subject"] for row in rows)

    async def _consume(self, event: Event, position: int) -> bool:
        """Apply `event`, or park it. False when another reader has moved the cursor."""
        try:
            async with self._db.transaction() as tx:
                if not await self._advance(tx, position, event.position):
                    return False
                await self._apply_or_park(tx, event, await self._parked_subjects(tx))
            self._on_applied()
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
        self._may_have_parked = True
        await tx.execute(
            """insert into feed_parked (feed, position, subject, event, error, next_at)
               values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))""",
            self.producer,
            event.position,
            event.subject,
            msgspec.to_builtins(event),
            error,
            _RETRY_MIN_S,
        )

    async def _retry_parked(self) -> bool:
        """Retry the first parked event of each subject that is due. True while any event is parked."""
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
                deleted = await tx.execute(
                    "delete from feed_parked where feed = $1 and position = $2", self.producer, row["position"]
                )
                if deleted != "DELETE 1":
                    return
                await self._apply_or_park(tx, event, frozenset())
            self._on_applied()
        except Exception as error:
            if isinstance(error.__cause__, TRANSIENT):
                raise
            pause = min(_RETRY_MIN_S * 2 ** min(row["attempts"], 10), _RETRY_MAX_S)
            log.warning(
                "retry of a parked event failed: %s",
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
