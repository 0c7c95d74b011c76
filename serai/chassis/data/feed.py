"""The producing side of a feed. Events are appended in the transaction that causes them, and consumers poll for them.

A consumer (`feed_reader`) asks for the events after a position, applies them and advances its cursor in the same
transaction, so each event takes effect exactly once. Nothing is pushed, so nothing is lost between a commit and a push.

Positions are assigned after commit, by one sequencer at a time. A serial number assigned inside the transaction would
let a consumer skip an event that commits late.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis import tracing
from serai.chassis.data.database import Connection, Database
from serai.chassis.ids import new_id
from serai.chassis.nudge import Nudge

CHANNEL = "serai_feed"
MAX_EVENTS = 500
MAX_WAIT_S = 30.0
KEPT_DAYS = 30
_POLL_INTERVAL_S = 0.2
#: Shortest interval between two assignments of positions. Under load one assignment, and one response to each consumer,
#: then covers many transactions.
_MIN_INTERVAL_S = 0.05


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
    """Events after the requested position, in order. Empty when none came within the wait."""

    items: list[Event]


class NewEvent(msgspec.Struct, frozen=True):
    """The columns of an event except its subject, for a statement that inserts the event together with other rows."""

    id: UUID
    type: str
    data: Any
    traceparent: str | None


def new_event(type_: str, data: Any, traceparent: str | None = None) -> NewEvent:
    """`data` holds ids and facts, no personal data. Consumers continue the trace of `traceparent`, by default the
    current one."""
    return NewEvent(new_id(), type_, msgspec.to_builtins(data), traceparent or tracing.traceparent())


class Feed:
    """Call `append` inside a transaction and `nudge` after its commit; `run` assigns the positions."""

    def __init__(self, source: str, db: Database, *, record_interval_s: float = 30.0) -> None:
        """The positions of consumers are recorded every `record_interval_s` seconds only, because just pruning needs
        them."""
        self._source = source
        self._db = db
        self._record_interval_s = record_interval_s
        self._recorded_at: dict[str, float] = {}
        #: Assign positions now instead of at the next poll: a transaction with events has committed.
        self.nudge = Nudge()
        self._wake_event = asyncio.Event()
        #: The last assigned position, once a notification has reported it.
        self._head: int | None = None
        self._stopping = False

    async def append(
        self, tx: Connection, type_: str, subject: UUID | str, data: Any, traceparent: str | None = None
    ) -> UUID:
        """Insert an event; see `new_event`."""
        event = new_event(type_, data, traceparent)
        await tx.execute(
            "insert into event (id, type, subject, data, traceparent) values ($1, $2, $3, $4, $5)",
            event.id,
            event.type,
            str(subject),
            event.data,
            event.traceparent,
        )
        return event.id

    async def after(self, consumer: str, position: int, limit: int, wait_s: float) -> Events:
        """Events after `position`; waits up to `wait_s` seconds for a first one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(wait_s, MAX_WAIT_S)
        rows: list[asyncpg.Record] = []
        while True:
            wake_event = self._wake_event
            left = deadline - loop.time()
            is_new = self._head is None or position < self._head
            if is_new or left <= 0 or self._stopping:
                rows = await self._read(consumer, position, min(limit, MAX_EVENTS))
            if rows or left <= 0 or self._stopping:
                return Events([self._event(row) for row in rows])
            # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await wake_event.wait()

    async def _read(self, consumer: str, position: int, limit: int) -> list[asyncpg.Record]:
        async with self._db.connection() as conn:
            rows = await conn.fetch(
                """select id, type, subject, at, position, data, traceparent from event
                   where position > $1 order by position limit $2""",
                position,
                limit,
            )
            if time.monotonic() - self._recorded_at.get(consumer, -1e9) >= self._record_interval_s:
                self._recorded_at[consumer] = time.monotonic()
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
        """Answer all long polls now, because the process drains."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        wake_event, self._wake_event = self._wake_event, asyncio.Event()
        wake_event.set()

    async def run(self) -> None:
        """Assign positions after a nudge, else about every 200 ms, and notify the consumers of every replica."""
        listener: asyncpg.Connection[asyncpg.Record] | None = None
        try:
            while True:
                if listener is None or listener.is_closed():
                    # Notifications sent meanwhile were missed.
                    self._head = None
                    listener = await self._db.dedicated()
                    await listener.add_listener(CHANNEL, self._on_notification)
                    self._wake()
                if await self.nudge.wait(_POLL_INTERVAL_S) or await self._has_unpositioned():
                    await self._assign_positions()
                    await asyncio.sleep(_MIN_INTERVAL_S)
        finally:
            self._head = None
            if listener is not None:
                listener.terminate()

    def _on_notification(self, *args: object) -> None:
        self._head = int(str(args[-1]))
        self._wake()

    async def _has_unpositioned(self) -> bool:
        """Whether events wait although no nudge came: a process died between commit and nudge, or did not nudge."""
        async with self._db.connection() as conn:
            found: bool = await conn.fetchval("select exists (select 1 from event where position is null)")
            return found

    async def _assign_positions(self) -> None:
        async with self._db.connection() as conn:
            if not await conn.fetchval("select hand_out_positions($1)", CHANNEL):
                self.nudge()
                await asyncio.sleep(0.002)

    async def prune(self) -> None:
        """Delete events older than 30 days that every known consumer has passed, at most 5000 at a time."""
        async with self._db.transaction() as tx:
            await tx.execute(
                """delete from event where seq in (
                     select seq from event
                     where at < now() - make_interval(days => $1)
                       and position <= coalesce((select min(position) from feed_reader), 0)
                     order by seq limit 5000)""",
                KEPT_DAYS,
            )
