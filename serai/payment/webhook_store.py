"""Stripe's events, and how far its event list was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from serai.chassis.data.database import Connection


async def insert_webhooks(
    conn: Connection, events: Sequence[tuple[str, str, bytes]], claimed_s: float = 0.0
) -> list[bool]:
    """Store events, given as (id, type, body). Returns which of them are new. No other replica claims these for
    `claimed_s` seconds."""
    rows = await conn.fetch(
        """insert into webhook_event (id, type, body, due_at)
           select id, type, body, now() + make_interval(secs => $4)
           from unnest($1::text[], $2::text[], $3::bytea[]) as given (id, type, body)
           on conflict (id) do nothing returning id""",
        [event[0] for event in events],
        [event[1] for event in events],
        [event[2] for event in events],
        claimed_s,
    )
    new = {row["id"] for row in rows}
    places = {event[0]: place for place, event in enumerate(events)}
    # When an event is given several times, its last place counts as the new one.
    return [event[0] in new and places[event[0]] == place for place, event in enumerate(events)]


async def claim_webhooks(conn: Connection, limit: int) -> list[bytes]:
    """The bodies of events that are due. No other replica claims them for 30 s, twice as long after each failed try."""
    rows = await conn.fetch(
        """update webhook_event set tries = tries + 1,
                  due_at = now() + interval '30 seconds' * power(2, least(tries, 6))
           where id in (select id from webhook_event where processed_at is null and due_at <= now()
                        order by due_at limit $1 for update skip locked)
           returning body""",
        limit,
    )
    return [row["body"] for row in rows]


async def finish_webhooks(conn: Connection, ids: Iterable[str]) -> None:
    await conn.execute("update webhook_event set processed_at = now() where id = any($1::text[])", list(ids))


async def postpone_webhooks(conn: Connection, ids: Iterable[str]) -> None:
    """Make events due again before their claim ends: after 1 s, twice as long after each try, at most 2 minutes."""
    await conn.execute(
        """update webhook_event set due_at = now() + least(interval '1 second' * power(2, least(tries, 8)),
                                                           interval '2 minutes')
           where id = any($1::text[])""",
        list(ids),
    )


async def prune_webhooks(conn: Connection, older_than_days: int) -> None:
    await conn.execute(
        """delete from webhook_event where id in (
             select id from webhook_event
             where processed_at is not null and received_at < now() - make_interval(days => $1)
             order by received_at limit 5000)""",
        older_than_days,
    )


async def claim_event_sweep(conn: Connection, every_s: float) -> datetime | None:
    """Claim the reading of Stripe's event list for `every_s` seconds. Returns the time up to which the list was read
    before; None when another replica reads it or has just read it."""
    row = await conn.fetchrow(
        """update event_sweep set lease_until = now() + make_interval(secs => $1)
           where lease_until <= now() returning greatest(read_until, now() - interval '3 days') as read_until""",
        every_s,
    )
    return row["read_until"] if row else None


async def finish_event_sweep(conn: Connection, read_until: datetime) -> None:
    await conn.execute("update event_sweep set read_until = $1", read_until)
