"""Refunds. A transaction that creates or decides one holds the row lock of its payment (`store.lock`), because the
account of the charge changes with it."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.contracts.payment import RefundRequest
from serai.payment.domain import Refund, RefundState


async def refund(conn: Connection, refund_id: UUID) -> Refund | None:
    row = await conn.fetchrow("select * from refund where id = $1", refund_id)
    return _refund(row) if row else None


async def refund_of_key(conn: Connection, payment_id: UUID, key: str) -> tuple[Refund, RefundRequest] | None:
    """The refund that the first request with this key created, and that request."""
    row = await conn.fetchrow("select * from refund where payment_id = $1 and request_key = $2", payment_id, key)
    return (_refund(row), msgspec.convert(row["request"], RefundRequest)) if row else None


async def refund_of_object(conn: Connection, stripe_id: str, refund_id: UUID | None) -> Refund | None:
    row = await conn.fetchrow("select * from refund where stripe_id = $1 or id = $2 limit 1", stripe_id, refund_id)
    return _refund(row) if row else None


async def refunds_page(conn: Connection, payment_id: UUID, after_n: int, limit: int) -> list[Refund]:
    """The payment's refunds, oldest first. Refunds of a duplicate charge are not refunds of the order, so they are
    left out."""
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
    request: RefundRequest | None = None,
    duplicate: bool = False,
    reason: str | None = None,
    restock: bool | None = None,
) -> Refund:
    row = await tx.fetchrow(
        """insert into refund (id, payment_id, n, intent_id, amount, state, request_key, request, duplicate, reason,
                               restock, check_at)
           values ($1, $2, (select coalesce(max(n), 0) + 1 from refund where payment_id = $2), $3, $4, 'created', $5,
                   $6, $7, $8, $9, now() + interval '20 seconds')
           returning *""",
        refund_id,
        payment_id,
        intent_id,
        amount,
        request.key if request else None,
        msgspec.to_builtins(request),
        duplicate,
        reason,
        restock,
    )
    assert row is not None
    return _refund(row)


async def begin_refund_try(conn: Connection, refund_id: UUID) -> Refund | None:
    """Count a try and return the refund; None when Stripe has decided it already. The sweep leaves it alone for 20
    seconds after the first try, twice as long after each further one, at most 10 minutes."""
    row = await conn.fetchrow(
        """update refund set tries = tries + 1,
                  check_at = now() + least(interval '20 seconds' * power(2, least(tries, 6)), interval '10 minutes')
           where id = $1 and state in ('created', 'pending') returning *""",
        refund_id,
    )
    return _refund(row) if row else None


async def next_generation(conn: Connection, refund_id: UUID, generation: int) -> None:
    """Use another idempotency key for the next try, which is due in 5 seconds."""
    await conn.execute(
        """update refund set generation = generation + 1, check_at = now() + interval '5 seconds'
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


async def claim_due_refunds(conn: Connection, limit: int) -> list[UUID]:
    """The refunds that are due for the sweep. No other replica claims them for a minute."""
    rows = await conn.fetch(
        """update refund set check_at = now() + interval '1 minute'
           where id in (select id from refund where check_at <= now() order by check_at limit $1
                        for update skip locked)
           returning id""",
        limit,
    )
    return [row["id"] for row in rows]


def _refund(row: asyncpg.Record) -> Refund:
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
