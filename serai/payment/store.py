"""Every statement of the payment service. Whoever changes a payment, its attempts or refunds holds its row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import NewEvent
from serai.contracts.payment import PaymentAsked, RefundAsked
from serai.payment.domain import Attempt, AttemptState, Change, Payment, PaymentState, Refund, RefundState, Sums, Turn

# Payments


_PAYMENT = """
    select p.id, p.order_id, p.state, p.user_id, p.amount, p.currency, p.payable_until, p.paid_n, p.refund_reserved,
           p.refunded, p.created_at, a.n, a.kind, a.key, a.request, a.state as attempt_state, a.session_id, a.intent_id,
           a.url, a.expires_at, a.confirms
    from payment p left join lateral
         (select * from attempt where payment_id = p.id order by n = p.paid_n desc nulls last, n desc limit 1) a on true
"""


async def payment(conn: Connection, payment_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "where p.id = $1 and p.user_id is not null", payment_id)
    return _payment(row) if row else None


async def payment_of_user(conn: Connection, user_id: UUID, payment_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "where p.id = $1 and p.user_id = $2", payment_id, user_id)
    return _payment(row) if row else None


async def payment_of_order(conn: Connection, order_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "where p.order_id = $1 and p.user_id is not null", order_id)
    return _payment(row) if row else None


async def payment_of_users_order(conn: Connection, user_id: UUID, order_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "where p.order_id = $1 and p.user_id = $2", order_id, user_id)
    return _payment(row) if row else None


async def lock(tx: Connection, payment_id: UUID) -> Payment:
    """The payment, its row ours until the transaction ends. It must exist: payments are never deleted."""
    # Two statements: the second must see what the holder before us committed.
    await tx.execute("select 1 from payment where id = $1 for update", payment_id)
    found = await payment(tx, payment_id)
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class Opening:
    """A payment that is to be, with the request of its first attempt."""

    payment_id: UUID
    order_id: UUID
    asked: PaymentAsked
    key: str
    request: str


async def insert_payments(conn: Connection, openings: Sequence[Opening]) -> list[Payment | None]:
    """Each payment with its first attempt; None where the order id is taken."""
    rows = await conn.fetch(
        """with wanted as (
             select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::timestamptz[],
                                  $7::text[], $8::text[], $9::text[])
                  as wanted (id, order_id, user_id, amount, currency, payable_until, asked, key, request)),
           fresh as (
             insert into payment (id, order_id, state, user_id, amount, currency, payable_until, asked)
             select id, order_id, 'open', user_id, amount, currency, payable_until, asked::jsonb from wanted
             on conflict (order_id) do nothing returning id, created_at),
           first as (
             insert into attempt (payment_id, n, kind, key, request, state, expires_at, check_at)
             select id, 1, 'session', key, request, 'opening', payable_until, now() + interval '2 minutes'
             from fresh join wanted using (id))
           select id, created_at from fresh""",
        [each.payment_id for each in openings],
        [each.order_id for each in openings],
        [each.asked.user_id for each in openings],
        [each.asked.amount.amount for each in openings],
        [each.asked.amount.currency for each in openings],
        [each.asked.payable_until for each in openings],
        [msgspec.json.encode(each.asked).decode() for each in openings],
        [each.key for each in openings],
        [each.request for each in openings],
    )
    made_at: dict[UUID, datetime] = {row["id"]: row["created_at"] for row in rows}
    return [_opened(each, made_at[each.payment_id]) if each.payment_id in made_at else None for each in openings]


def _opened(opening: Opening, created_at: datetime) -> Payment:
    asked = opening.asked
    return Payment(
        id=opening.payment_id,
        order_id=opening.order_id,
        state=PaymentState.OPEN,
        user_id=asked.user_id,
        amount=asked.amount.amount,
        currency=asked.amount.currency,
        payable_until=asked.payable_until,
        paid_n=None,
        refund_reserved=0,
        refunded=0,
        created_at=created_at,
        attempt=_opening(opening.payment_id, 1, "session", opening.key, opening.request, asked.payable_until),
    )


async def asked_for(conn: Connection, payment_id: UUID) -> PaymentAsked:
    """The request that opened the payment."""
    return msgspec.convert(await conn.fetchval("select asked from payment where id = $1", payment_id), PaymentAsked)


@dataclass(frozen=True, slots=True)
class Stone:
    """What closing finds under an order id."""

    id: UUID
    state: PaymentState
    bare: bool
    """Without money and owner: the order never asked for a payment."""


async def lay_stone(tx: Connection, payment_id: UUID, order_id: UUID) -> Stone:
    """Lock the payment of an order, or make the tombstone that keeps it from ever having one."""
    made = await tx.fetchval(
        """insert into payment (id, order_id, state, closed_at) values ($1, $2, 'closed', now())
           on conflict (order_id) do nothing returning id""",
        payment_id,
        order_id,
    )
    if made is not None:
        return Stone(payment_id, PaymentState.CLOSED, True)
    row = await tx.fetchrow("select id, state, user_id from payment where order_id = $1 for update", order_id)
    assert row is not None
    return Stone(row["id"], PaymentState(row["state"]), row["user_id"] is None)


async def set_state(tx: Connection, payment_id: UUID, state: PaymentState) -> None:
    await tx.execute(
        """update payment set state = $2, closed_at = case when $2 = 'closing' then now() else closed_at end
           where id = $1""",
        payment_id,
        state,
    )


async def write_changes(conn: Connection, changes: Sequence[tuple[Change, NewEvent | None]]) -> list[bool]:
    """Write each change with its event, if payment and attempt are still in the states it was decided on; says which
    were written. Of several changes to one payment only the first is.

    The rows are locked before anything is written, payment first as everywhere, and the states checked in the versions
    that were locked. A payment that somebody else holds is passed over, so that nobody here waits for it."""
    rows = await conn.fetch(
        """with decided as (
             select distinct on (payment_id) *
             from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::text[],
                         $9::text[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::text[])
                  with ordinality
                  as decided (payment_id, n, payment_was, attempt_was, pays, state, session_id, intent_id, url, problem,
                              event_id, event_type, event_data, traceparent, place)
             order by payment_id, place),
           held as (
             select d.*, p.order_id
             from decided d
                  join payment p on p.id = d.payment_id and p.state = d.payment_was
                  join attempt a on a.payment_id = d.payment_id and a.n = d.n and a.state = d.attempt_was
             for no key update of p skip locked for no key update of a),
           moved as (
             update attempt a set
                    state = h.state,
                    session_id = coalesce(h.session_id, a.session_id),
                    intent_id = coalesce(h.intent_id, a.intent_id),
                    url = h.url,
                    problem = coalesce(h.problem, a.problem),
                    -- One that has no outcome yet is looked at again: after 2 minutes, later less and less often, and
                    -- as soon as it has expired.
                    check_at = case
                      when h.state in ('ended', 'succeeded') then null
                      when h.state = 'parked' then now() + interval '1 hour'
                      else least(
                        now() + greatest(interval '2 minutes', least(now() - a.created_at, interval '10 minutes')),
                        case when a.expires_at > now() then a.expires_at + interval '5 seconds' end)
                    end
             from held h where a.payment_id = h.payment_id and a.n = h.n),
           paid as (
             update payment p set state = 'succeeded', paid_n = h.n, succeeded_at = now()
             from held h where p.id = h.payment_id and h.pays),
           told as (
             insert into event (id, type, subject, data, traceparent)
             select event_id, event_type, order_id::text, event_data::jsonb, traceparent
             from held where event_id is not null)
           select place from held""",
        [change.payment.id for change, _ in changes],
        [change.attempt.n for change, _ in changes],
        [change.payment.state for change, _ in changes],
        [change.attempt.state for change, _ in changes],
        [change.turn is Turn.PAID for change, _ in changes],
        [change.reading.state for change, _ in changes],
        [change.reading.session_id for change, _ in changes],
        [change.reading.intent_id for change, _ in changes],
        [change.reading.url for change, _ in changes],
        [change.reading.problem for change, _ in changes],
        [event.id if event else None for _, event in changes],
        [event.type if event else None for _, event in changes],
        [msgspec.json.encode(event.data).decode() if event else None for _, event in changes],
        [event.traceparent if event else None for _, event in changes],
    )
    written = {row["place"] for row in rows}
    return [place in written for place in range(1, len(changes) + 1)]


async def set_sums(tx: Connection, payment_id: UUID, sums: Sums) -> None:
    await tx.execute(
        "update payment set refund_reserved = $2, refunded = $3 where id = $1", payment_id, sums.reserved, sums.refunded
    )


# Attempts


async def attempt(conn: Connection, payment_id: UUID, n: int) -> Attempt:
    row = await conn.fetchrow(
        "select *, state as attempt_state from attempt where payment_id = $1 and n = $2", payment_id, n
    )
    assert row is not None
    return _attempt(row)


async def unsettled(conn: Connection, payment_id: UUID) -> list[Attempt]:
    """The attempts that may still be paid, for all we know."""
    rows = await conn.fetch(
        """select *, state as attempt_state from attempt
           where payment_id = $1 and state not in ('ended', 'succeeded') order by n""",
        payment_id,
    )
    return [_attempt(row) for row in rows]


async def next_n(tx: Connection, payment_id: UUID) -> int:
    return int(await tx.fetchval("select coalesce(max(n), 0) + 1 from attempt where payment_id = $1", payment_id))


async def insert_attempt(
    tx: Connection, payment_id: UUID, n: int, kind: str, key: str, request: str, expires_at: datetime
) -> Attempt:
    await tx.execute(
        """insert into attempt (payment_id, n, kind, key, request, state, expires_at, check_at)
           values ($1, $2, $3, $4, $5, 'opening', $6, now() + interval '2 minutes')""",
        payment_id,
        n,
        kind,
        key,
        request,
        expires_at,
    )
    return _opening(payment_id, n, kind, key, request, expires_at)


def _opening(payment_id: UUID, n: int, kind: str, key: str, request: str, expires_at: datetime) -> Attempt:
    return Attempt(payment_id, n, kind, key, request, AttemptState.OPENING, None, None, None, expires_at, 0)


async def count_confirm(tx: Connection, payment_id: UUID, n: int) -> int:
    """The number of the confirmation that is about to be sent."""
    return int(
        await tx.fetchval(
            "update attempt set confirms = confirms + 1 where payment_id = $1 and n = $2 returning confirms",
            payment_id,
            n,
        )
    )


@dataclass(frozen=True, slots=True)
class Clue:
    """What an object of Stripe's says about whose it is: its id and, when we never learnt that, what we wrote onto
    it."""

    object_id: str
    order_id: UUID | None
    n: int | None


async def attempts_of_objects(conn: Connection, clues: Sequence[Clue]) -> list[tuple[Payment, Attempt] | None]:
    """Whose attempt each session or intent of Stripe's is."""
    rows = await conn.fetch(
        """select clue.place, p.id, p.order_id, p.state, p.user_id, p.amount, p.currency, p.payable_until, p.paid_n,
                  p.refund_reserved, p.refunded, p.created_at, a.n, a.kind, a.key, a.request, a.state as attempt_state,
                  a.session_id, a.intent_id, a.url, a.expires_at, a.confirms
           from unnest($1::text[], $2::uuid[], $3::int[]) with ordinality as clue (object_id, order_id, n, place)
                cross join lateral (
                  select payment_id, n from attempt where session_id = clue.object_id
                  union all select payment_id, n from attempt where intent_id = clue.object_id
                  union all select payment_id, n from attempt
                            where payment_id = (select id from payment where order_id = clue.order_id) and n = clue.n
                  limit 1) hit
                join attempt a on a.payment_id = hit.payment_id and a.n = hit.n
                join payment p on p.id = hit.payment_id""",
        [clue.object_id for clue in clues],
        [clue.order_id for clue in clues],
        [clue.n for clue in clues],
    )
    found = {row["place"]: (_payment(row), _attempt(row, row["id"])) for row in rows}
    return [found.get(place) for place in range(1, len(clues) + 1)]


async def claim_due_attempts(conn: Connection, limit: int) -> list[Attempt]:
    """Attempts the sweep should look at; nobody else gets them for a minute."""
    rows = await conn.fetch(
        """update attempt set check_at = now() + interval '1 minute'
           where (payment_id, n) in (select payment_id, n from attempt where check_at <= now()
                                     order by check_at limit $1 for update skip locked)
           returning *, state as attempt_state""",
        limit,
    )
    return [_attempt(row) for row in rows]


async def parked_count(conn: Connection) -> int:
    return int(await conn.fetchval("select count(*) from attempt where state = 'parked'"))


# Refunds


async def refund(conn: Connection, refund_id: UUID) -> Refund | None:
    row = await conn.fetchrow("select * from refund where id = $1", refund_id)
    return _refund(row) if row else None


async def refund_asked(conn: Connection, payment_id: UUID, key: str) -> tuple[Refund, RefundAsked] | None:
    """What was made, and out of which request, when this key came first."""
    row = await conn.fetchrow("select * from refund where payment_id = $1 and asked_key = $2", payment_id, key)
    return (_refund(row), msgspec.convert(row["asked"], RefundAsked)) if row else None


async def refund_of_object(conn: Connection, stripe_id: str, refund_id: UUID | None) -> Refund | None:
    row = await conn.fetchrow("select * from refund where stripe_id = $1 or id = $2 limit 1", stripe_id, refund_id)
    return _refund(row) if row else None


async def refunds_page(conn: Connection, payment_id: UUID, after_n: int, limit: int) -> list[Refund]:
    """Oldest first; without the duplicates, which are no refunds of the order."""
    rows = await conn.fetch(
        "select * from refund where payment_id = $1 and n > $2 and not duplicate order by n limit $3",
        payment_id,
        after_n,
        limit,
    )
    return [_refund(row) for row in rows]


async def insert_refund(
    tx: Connection,
    refund_id: UUID,
    payment_id: UUID,
    intent_id: str,
    amount: int,
    *,
    asked_key: str | None = None,
    asked: RefundAsked | None = None,
    duplicate: bool = False,
    reason: str | None = None,
    restock: bool | None = None,
) -> Refund:
    row = await tx.fetchrow(
        """insert into refund (id, payment_id, n, intent_id, amount, state, asked_key, asked, duplicate, reason,
                               restock, check_at)
           values ($1, $2, (select coalesce(max(n), 0) + 1 from refund where payment_id = $2), $3, $4, 'created', $5,
                   $6, $7, $8, $9, now() + interval '20 seconds')
           returning *""",
        refund_id,
        payment_id,
        intent_id,
        amount,
        asked_key,
        msgspec.to_builtins(asked),
        duplicate,
        reason,
        restock,
    )
    assert row is not None
    return _refund(row)


async def begin_refund_try(conn: Connection, refund_id: UUID) -> Refund | None:
    """The refund, if it still needs anything done; and for how long nobody else tries, which grows with every try."""
    row = await conn.fetchrow(
        """update refund set tries = tries + 1,
                  check_at = now() + least(interval '20 seconds' * power(2, least(tries, 6)), interval '10 minutes')
           where id = $1 and state in ('created', 'pending') returning *""",
        refund_id,
    )
    return _refund(row) if row else None


async def next_generation(conn: Connection, refund_id: UUID, generation: int) -> None:
    await conn.execute(
        """update refund set generation = generation + 1, check_at = now()
           where id = $1 and generation = $2 and stripe_id is null""",
        refund_id,
        generation,
    )


async def update_refund(tx: Connection, refund_id: UUID, state: RefundState, stripe_id: str | None) -> None:
    await tx.execute(
        """update refund set state = $2, stripe_id = coalesce($3, stripe_id),
                  check_at = case when $2 in ('created', 'pending') then check_at end
           where id = $1""",
        refund_id,
        state,
        stripe_id,
    )


async def due_refunds(conn: Connection, limit: int) -> list[UUID]:
    rows = await conn.fetch("select id from refund where check_at <= now() order by check_at limit $1", limit)
    return [row["id"] for row in rows]


# What Stripe told us


async def insert_webhooks(
    conn: Connection, events: Sequence[tuple[str, str, bytes]], claimed_s: float = 0.0
) -> list[bool]:
    """(id, type, body) of each; says which are new. Those are the caller's to work on for so many seconds."""
    rows = await conn.fetch(
        """insert into webhook_event (id, type, body, due_at)
           select id, type, body, now() + make_interval(secs => $4)
           from unnest($1::text[], $2::text[], $3::bytea[]) as told (id, type, body)
           on conflict (id) do nothing returning id""",
        [event[0] for event in events],
        [event[1] for event in events],
        [event[2] for event in events],
        claimed_s,
    )
    fresh = {row["id"] for row in rows}
    places = {event[0]: place for place, event in enumerate(events)}
    # Of one that came several times at once, the last is the new one.
    return [event[0] in fresh and places[event[0]] == place for place, event in enumerate(events)]


async def claim_webhooks(conn: Connection, limit: int) -> list[bytes]:
    """Events to work on; nobody else gets them for 30 s, longer after every try that came to nothing."""
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
    """Try these again soon rather than when their claim runs out."""
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
    """Until when Stripe's event list has been read before, if it is time to read it and nobody else does."""
    row = await conn.fetchrow(
        """update event_sweep set lease_until = now() + make_interval(secs => $1)
           where lease_until <= now() returning greatest(read_until, now() - interval '3 days') as read_until""",
        every_s,
    )
    return row["read_until"] if row else None


async def finish_event_sweep(conn: Connection, read_until: datetime) -> None:
    await conn.execute("update event_sweep set read_until = $1", read_until)


# Rows


def _payment(row: asyncpg.Record) -> Payment:
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        state=PaymentState(row["state"]),
        user_id=row["user_id"],
        amount=row["amount"],
        currency=row["currency"],
        payable_until=row["payable_until"],
        paid_n=row["paid_n"],
        refund_reserved=row["refund_reserved"],
        refunded=row["refunded"],
        created_at=row["created_at"],
        attempt=_attempt(row, row["id"]) if row["n"] is not None else None,
    )


def _attempt(row: asyncpg.Record, payment_id: UUID | None = None) -> Attempt:
    return Attempt(
        payment_id=payment_id or row["payment_id"],
        n=row["n"],
        kind=row["kind"],
        key=row["key"],
        request=row["request"],
        state=AttemptState(row["attempt_state"]),
        session_id=row["session_id"],
        intent_id=row["intent_id"],
        url=row["url"],
        expires_at=row["expires_at"],
        confirms=row["confirms"],
    )


def _refund(row: Any) -> Refund:
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        n=row["n"],
        intent_id=row["intent_id"],
        amount=row["amount"],
        state=RefundState(row["state"]),
        duplicate=row["duplicate"],
        reason=row["reason"],
        restock=row["restock"],
        stripe_id=row["stripe_id"],
        generation=row["generation"],
        tries=row["tries"],
        created_at=row["created_at"],
    )
