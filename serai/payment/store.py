"""Payments, their attempts and the accounts of their charges. `refund_store` and `webhook_store` have the service's
other statements.

A transaction that changes a payment, an attempt, a refund or the account of a charge holds the row lock of the payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import NewEvent
from serai.contracts.payment import OpenPayment
from serai.payment.domain import (
    Account,
    Attempt,
    AttemptState,
    Change,
    Effect,
    Payment,
    PaymentState,
)

# Payments

_COLUMNS = """
    p.id, p.order_id, p.state, p.user_id, p.email, p.amount, p.currency, p.payable_until, p.paid_n, p.created_at,
    a.n, a.kind, a.key, a.request, a.state as attempt_state, a.session_id, a.intent_id, a.url, a.expires_at, a.confirms,
    a.captured, a.refund_pending, a.refunded, a.refund_failed, a.disputed, a.dispute_won, a.dispute_lost
"""
#: Each payment with the attempt that was paid, else with its newest attempt.
_PAYMENT = f"""
    select {_COLUMNS}
    from payment p left join lateral
         (select * from attempt where payment_id = p.id order by n = p.paid_n desc nulls last, n desc limit 1) a on true
    where not p.tombstone
"""


async def payment(conn: Connection, payment_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "and p.id = $1", payment_id)
    return _payment(row) if row else None


async def payment_of_user(conn: Connection, user_id: UUID, payment_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "and p.id = $1 and p.user_id = $2", payment_id, user_id)
    return _payment(row) if row else None


async def payment_of_order(conn: Connection, order_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "and p.order_id = $1", order_id)
    return _payment(row) if row else None


async def payment_of_users_order(conn: Connection, user_id: UUID, order_id: UUID) -> Payment | None:
    row = await conn.fetchrow(_PAYMENT + "and p.order_id = $1 and p.user_id = $2", order_id, user_id)
    return _payment(row) if row else None


async def lock(tx: Connection, payment_id: UUID) -> Payment:
    """Lock the payment's row until the transaction ends, and read it. The payment must exist; payments are never
    deleted."""
    # A statement of its own reads the payment, so that it sees what the previous holder of the lock has committed.
    await tx.execute("select 1 from payment where id = $1 for update", payment_id)
    found = await payment(tx, payment_id)
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment to insert, with the key and the Stripe request of its first attempt."""

    payment_id: UUID
    order_id: UUID
    opening: OpenPayment
    key: str
    request: str


async def insert_payments(conn: Connection, payments: Sequence[NewPayment]) -> list[Payment | None]:
    """Insert each payment with its first attempt. The result is None where the order has a row already."""
    rows = await conn.fetch(
        """with given as (
             select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[],
                                  $7::timestamptz[], $8::text[], $9::text[], $10::text[])
                  as given (id, order_id, user_id, email, amount, currency, payable_until, opening, key, request)),
           inserted as (
             insert into payment (id, order_id, state, user_id, email, amount, currency, payable_until, request)
             select id, order_id, 'open', user_id, email, amount, currency, payable_until, opening::jsonb from given
             on conflict (order_id) do nothing returning id, created_at),
           first as (
             insert into attempt (payment_id, n, kind, key, request, state, expires_at, check_at)
             select id, 1, 'session', key, request, 'opening', payable_until, now() + interval '2 minutes'
             from inserted join given using (id))
           select id, created_at from inserted""",
        [each.payment_id for each in payments],
        [each.order_id for each in payments],
        [each.opening.user_id for each in payments],
        [each.opening.email for each in payments],
        [each.opening.amount.amount for each in payments],
        [each.opening.amount.currency for each in payments],
        [each.opening.payable_until for each in payments],
        [msgspec.json.encode(each.opening).decode() for each in payments],
        [each.key for each in payments],
        [each.request for each in payments],
    )
    created_at: dict[UUID, datetime] = {row["id"]: row["created_at"] for row in rows}
    return [
        _inserted(each, created_at[each.payment_id]) if each.payment_id in created_at else None for each in payments
    ]


def _inserted(new: NewPayment, created_at: datetime) -> Payment:
    opening = new.opening
    return Payment(
        id=new.payment_id,
        order_id=new.order_id,
        state=PaymentState.OPEN,
        user_id=opening.user_id,
        email=opening.email,
        amount=opening.amount.amount,
        currency=opening.amount.currency,
        payable_until=opening.payable_until,
        paid_n=None,
        created_at=created_at,
        attempt=_new_attempt(new.payment_id, 1, "session", new.key, new.request, opening.payable_until),
    )


async def opening_request(conn: Connection, payment_id: UUID) -> OpenPayment:
    """The request that opened the payment."""
    return msgspec.convert(await conn.fetchval("select request from payment where id = $1", payment_id), OpenPayment)


async def lock_or_insert_tombstone(tx: Connection, payment_id: UUID, order_id: UUID) -> tuple[UUID, PaymentState]:
    """Lock the row of an order's payment. An order without a row gets a tombstone with the id `payment_id`: no payment
    can be opened for that order afterwards."""
    inserted = await tx.fetchval(
        """insert into payment (id, order_id, state, tombstone, closed_at) values ($1, $2, 'closed', true, now())
           on conflict (order_id) do nothing returning id""",
        payment_id,
        order_id,
    )
    if inserted is not None:
        return payment_id, PaymentState.CLOSED
    row = await tx.fetchrow("select id, state from payment where order_id = $1 for update", order_id)
    assert row is not None
    return row["id"], PaymentState(row["state"])


async def set_state(tx: Connection, payment_id: UUID, state: PaymentState) -> None:
    await tx.execute(
        """update payment set state = $2, closed_at = case when $2 = 'closing' then now() else closed_at end
           where id = $1""",
        payment_id,
        state,
    )


async def write_changes(conn: Connection, changes: Sequence[tuple[Change, NewEvent | None]]) -> list[bool]:
    """Write each change with its event, if payment and attempt still have the states for which it was decided. Returns
    which changes were written. Of several changes to one payment only the first is written.

    The statement locks the rows before it writes: the payment first, as every transaction does. It compares the states
    of the locked versions. It skips a payment that another transaction has locked, so that no other change waits."""
    rows = await conn.fetch(
        """with decided as (
             select distinct on (payment_id) *
             from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bool[], $6::bigint[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::text[], $14::text[],
                         $15::text[])
                  with ordinality
                  as decided (payment_id, n, payment_state, attempt_state, pays, captured, state, session_id, intent_id,
                              url, problem, event_id, event_type, event_data, traceparent, place)
             order by payment_id, place),
           locked as (
             select d.*, p.order_id
             from decided d
                  join payment p on p.id = d.payment_id and p.state = d.payment_state
                  join attempt a on a.payment_id = d.payment_id and a.n = d.n and a.state = d.attempt_state
             for no key update of p skip locked for no key update of a),
           updated_attempt as (
             update attempt a set
                    state = l.state,
                    captured = l.captured,
                    session_id = coalesce(l.session_id, a.session_id),
                    intent_id = coalesce(l.intent_id, a.intent_id),
                    url = l.url,
                    problem = coalesce(l.problem, a.problem),
                    -- The sweep looks at an attempt without an outcome after 2 minutes, then after longer intervals of
                    -- up to 10 minutes, and as soon as it has expired.
                    check_at = case
                      when l.state in ('ended', 'succeeded') then null
                      when l.state = 'parked' then now() + interval '1 hour'
                      else least(
                        now() + greatest(interval '2 minutes', least(now() - a.created_at, interval '10 minutes')),
                        case when a.expires_at > now() then a.expires_at + interval '5 seconds' end)
                    end
             from locked l where a.payment_id = l.payment_id and a.n = l.n),
           updated_payment as (
             update payment p set state = 'succeeded', paid_n = l.n, succeeded_at = now()
             from locked l where p.id = l.payment_id and l.pays),
           published as (
             insert into event (id, type, subject, data, traceparent)
             select event_id, event_type, order_id::text, event_data::jsonb, traceparent
             from locked where event_id is not null)
           select place from locked""",
        [change.payment.id for change, _ in changes],
        [change.attempt.n for change, _ in changes],
        [change.payment.state for change, _ in changes],
        [change.attempt.state for change, _ in changes],
        [change.effect is Effect.PAID for change, _ in changes],
        [change.after.account.captured for change, _ in changes],
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


# Accounts


async def account(tx: Connection, payment_id: UUID, intent_id: str) -> Account:
    """The account of the charge that the intent made. The caller holds the payment's row lock."""
    row = await tx.fetchrow("select * from attempt where payment_id = $1 and intent_id = $2", payment_id, intent_id)
    assert row is not None
    return _account(row)


async def set_refund_totals(tx: Connection, payment_id: UUID, intent_id: str, account: Account) -> None:
    """Store the totals of an account that refunds change. The caller holds the payment's row lock."""
    await tx.execute(
        """update attempt set refund_pending = $3, refunded = $4, refund_failed = $5
           where payment_id = $1 and intent_id = $2""",
        payment_id,
        intent_id,
        account.refund_pending,
        account.refunded,
        account.refund_failed,
    )


# Attempts


async def attempt(conn: Connection, payment_id: UUID, n: int) -> Attempt:
    row = await conn.fetchrow(
        "select *, state as attempt_state from attempt where payment_id = $1 and n = $2", payment_id, n
    )
    assert row is not None
    return _attempt(row)


async def unsettled(conn: Connection, payment_id: UUID) -> list[Attempt]:
    """The attempts that may still be paid at Stripe."""
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
    return _new_attempt(payment_id, n, kind, key, request, expires_at)


def _new_attempt(payment_id: UUID, n: int, kind: str, key: str, request: str, expires_at: datetime) -> Attempt:
    return Attempt(payment_id, n, kind, key, request, AttemptState.OPENING, None, None, None, expires_at, 0)


async def count_confirm(tx: Connection, payment_id: UUID, n: int) -> int:
    """Count a confirmation before it is sent. Returns its number."""
    return int(
        await tx.fetchval(
            "update attempt set confirms = confirms + 1 where payment_id = $1 and n = $2 returning confirms",
            payment_id,
            n,
        )
    )


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """A session or an intent of Stripe's: its id, and the order id and attempt number in its metadata. The metadata
    find the attempt when its row has no object id yet."""

    object_id: str
    order_id: UUID | None
    n: int | None


async def attempts_of_objects(
    conn: Connection, references: Sequence[ObjectReference]
) -> list[tuple[Payment, Attempt] | None]:
    """The attempt of each session or intent; None for an object of another application."""
    rows = await conn.fetch(
        f"""select reference.place, {_COLUMNS}
           from unnest($1::text[], $2::uuid[], $3::int[]) with ordinality as reference (object_id, order_id, n, place)
                cross join lateral (
                  select payment_id, n from attempt where session_id = reference.object_id
                  union all select payment_id, n from attempt where intent_id = reference.object_id
                  union all select payment_id, n from attempt
                            where payment_id = (select id from payment where order_id = reference.order_id)
                                  and n = reference.n
                  limit 1) hit
                join attempt a on a.payment_id = hit.payment_id and a.n = hit.n
                join payment p on p.id = hit.payment_id""",
        [reference.object_id for reference in references],
        [reference.order_id for reference in references],
        [reference.n for reference in references],
    )
    found = {row["place"]: (_payment(row), _attempt(row, row["id"])) for row in rows}
    return [found.get(place) for place in range(1, len(references) + 1)]


async def claim_due_attempts(conn: Connection, limit: int) -> list[Attempt]:
    """The attempts that are due for the sweep. No other replica claims them for a minute."""
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


# Rows


def _payment(row: asyncpg.Record) -> Payment:
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        state=PaymentState(row["state"]),
        user_id=row["user_id"],
        email=row["email"],
        amount=row["amount"],
        currency=row["currency"],
        payable_until=row["payable_until"],
        paid_n=row["paid_n"],
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
        account=_account(row),
    )


def _account(row: asyncpg.Record) -> Account:
    return Account(
        captured=row["captured"],
        refund_pending=row["refund_pending"],
        refunded=row["refunded"],
        refund_failed=row["refund_failed"],
        disputed=row["disputed"],
        dispute_won=row["dispute_won"],
        dispute_lost=row["dispute_lost"],
    )
