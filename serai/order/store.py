"""Every statement of the order service, against its own database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import NewEvent
from serai.chassis.data.idempotency import IdempotentRequest
from serai.commerce.money import Money
from serai.contracts.order import (
    Address,
    Failure,
    Fulfilment,
    HistoryEntry,
    Order,
    OrderForMail,
    OrderItem,
    OrderPayment,
)
from serai.order.domain import DEFINITION_VERSION, RESTING, Context, Saga, State

LEASE_S = 30

_ORDER = """id, user_id, email, number, status, currency, items, discounts, tax_lines, subtotal, shipping, tax, total,
            refunded, shipping_method, note, shipping_address, billing_address, payment, fulfilments, failure, history,
            created_at, updated_at"""
_SAGA = "order_id, state, version, epoch, attempts, since, context"


def _money(row: asyncpg.Record, column: str) -> Money | None:
    return None if row[column] is None else Money(row[column], row["currency"])


def order_from(row: asyncpg.Record) -> Order:
    return Order(
        id=row["id"],
        number=row["number"],
        status=row["status"],
        items=msgspec.convert(row["items"], list[OrderItem]),
        subtotal=_money(row, "subtotal"),
        discounts=row["discounts"],
        shipping=_money(row, "shipping"),
        shipping_method=row["shipping_method"],
        tax=_money(row, "tax"),
        tax_lines=row["tax_lines"],
        total=_money(row, "total"),
        refunded=None if row["total"] is None else Money(row["refunded"], row["currency"]),
        email=row["email"],
        note=row["note"],
        fulfilments=msgspec.convert(row["fulfilments"], list[Fulfilment]),
        failure=msgspec.convert(row["failure"], Failure | None),
        shipping_address=msgspec.convert(row["shipping_address"], Address),
        billing_address=msgspec.convert(row["billing_address"], Address | None),
        payment=msgspec.convert(row["payment"], OrderPayment | None),
        history=msgspec.convert(row["history"], list[HistoryEntry]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def saga_from(row: asyncpg.Record) -> Saga:
    return Saga(
        order_id=row["order_id"],
        state=State(row["state"]),
        version=row["version"],
        epoch=row["epoch"],
        attempts=row["attempts"],
        since=row["since"],
        context=msgspec.convert(row["context"], Context),
    )


# Orders


async def insert_order(
    conn: Connection,
    once: IdempotentRequest,
    *,
    order_id: UUID,
    email: str,
    currency: str,
    shipping_address: Address,
    billing_address: Address | None,
    note: str | None,
    context: Context,
    now: datetime,
) -> Saga | None:
    """A new order with its saga, leased to whoever inserts it, and the key that is bound to it: all in one statement,
    so in one commit. None when the key is bound already."""
    row = await conn.fetchrow(
        f"""with bound as (
              insert into idempotency_key (caller, key, fingerprint, resource) values ($13, $14, $15, $1::uuid::text)
              on conflict do nothing returning key),
            placed as (
              insert into orders (id, user_id, email, status, currency, shipping_address, billing_address, note,
                                  history, created_at, updated_at)
              select $1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $9 from bound returning id)
            insert into checkout (order_id, state, definition_version, context, lease_until, next_run_at)
            select id, 'accepted', $10, $11, now() + make_interval(secs => $12), now() from placed
            returning {_SAGA}""",
        order_id,
        context.user_id,
        email,
        currency,
        shipping_address,
        billing_address,
        note,
        [HistoryEntry("pending", now)],
        now,
        DEFINITION_VERSION,
        context,
        LEASE_S,
        once.caller,
        once.key,
        once.fingerprint,
    )
    return None if row is None else saga_from(row)


async def order_of(conn: Connection, user_id: UUID, order_id: UUID) -> Order | None:
    """The only way to a buyer's order."""
    row = await conn.fetchrow(f"select {_ORDER} from orders where id = $1 and user_id = $2", order_id, user_id)
    return None if row is None else order_from(row)


async def any_order(conn: Connection, order_id: UUID) -> OrderForMail | None:
    """For admins, and for those who write to the buyer."""
    row = await conn.fetchrow(f"select {_ORDER} from orders where id = $1", order_id)
    return None if row is None else OrderForMail(row["user_id"], order_from(row))


async def orders_of(
    conn: Connection, user_id: UUID, status: str | None, before: UUID | None, limit: int
) -> list[Order]:
    """A buyer's orders, newest first; rejected ones only when asked for."""
    rows = await conn.fetch(
        f"""select {_ORDER} from orders
            where user_id = $1 and ($2::uuid is null or id < $2)
              and case when $3::text is null then status <> 'rejected' else status = $3 end
            order by id desc limit $4""",
        user_id,
        before,
        status,
        limit,
    )
    return [order_from(row) for row in rows]


async def all_orders(
    conn: Connection, status: str | None, q: str | None, before: UUID | None, limit: int
) -> list[Order]:
    """Everybody's orders, newest first. `q` is an order's number, or how its buyer's address begins."""
    rows = await conn.fetch(
        f"""select {_ORDER} from orders
            where ($1::uuid is null or id < $1)
              and case when $2::text is null then status <> 'rejected' else status = $2 end
              and ($3::text is null or number = upper($3) or starts_with(lower(email), lower($3)))
            order by id desc limit $4""",
        before,
        status,
        q,
        limit,
    )
    return [order_from(row) for row in rows]


async def lock_order(tx: Connection, order_id: UUID) -> asyncpg.Record | None:
    return await tx.fetchrow(f"select {_ORDER} from orders where id = $1 for update", order_id)


async def next_number(conn: Connection) -> str:
    number: str = await conn.fetchval("select 'S-' || nextval('order_number')")
    return number


async def set_status(tx: Connection, order_id: UUID, statuses: tuple[str, ...], now: datetime) -> None:
    """Move an order through `statuses`, noting each in its history."""
    await tx.execute(
        "update orders set status = $2, history = history || $3, updated_at = $4 where id = $1",
        order_id,
        statuses[-1],
        _history(statuses, now),
        now,
    )


def _history(statuses: tuple[str, ...], now: datetime) -> list[HistoryEntry]:
    return [HistoryEntry(status, now) for status in statuses]  # type: ignore[arg-type]  # the table of moves vouches


async def reject(tx: Connection, order_id: UUID, failure: dict[str, Any], now: datetime) -> None:
    """A rejected order keeps why, and gives up its number."""
    await tx.execute(
        "update orders set number = null, payment = null, failure = $2, updated_at = $3 where id = $1",
        order_id,
        failure,
        now,
    )


async def set_payment(tx: Connection, order_id: UUID, payment: OrderPayment, now: datetime) -> None:
    await tx.execute("update orders set payment = $2, updated_at = $3 where id = $1", order_id, payment, now)


async def set_payment_status(tx: Connection, order_id: UUID, status: str) -> None:
    """How payment stands; a page that is closed or paid is no longer somewhere to go."""
    await tx.execute(
        """update orders set payment = payment || jsonb_build_object('status', $2::text, 'checkout_url', null)
           where id = $1 and payment is not null""",
        order_id,
        status,
    )


async def add_fulfilment(tx: Connection, order_id: UUID, fulfilment: Fulfilment) -> None:
    await tx.execute("update orders set fulfilments = fulfilments || $2 where id = $1", order_id, [fulfilment])


async def add_refund(tx: Connection, refund_id: UUID, order_id: UUID, amount: int, refunded: int, at: datetime) -> None:
    """A refund that Stripe has carried out; `refunded` is the sum of all of them."""
    await tx.execute(
        "insert into order_refund (refund_id, order_id, amount, at) values ($1, $2, $3, $4)",
        refund_id,
        order_id,
        amount,
        at,
    )
    await tx.execute(
        "update orders set refunded = greatest(refunded, $2), updated_at = $3 where id = $1", order_id, refunded, at
    )


async def stats_by_day(conn: Connection, since: datetime, until: datetime) -> list[tuple[datetime, int, int, int]]:
    """(day in UTC, orders paid, revenue, refunds) for each day of the range, in minor units."""
    rows = await conn.fetch(
        """with days as (
             select generate_series(date_trunc('day', $1::timestamptz, 'UTC'),
                                    $2::timestamptz - interval '1 microsecond', interval '1 day') as day),
           sold as (
             select date_trunc('day', paid_at, 'UTC') as day, count(*) as orders, sum(total) as revenue
             from orders where paid_at >= $1 and paid_at < $2 group by 1),
           returned as (
             select date_trunc('day', at, 'UTC') as day, sum(amount) as refunds
             from order_refund where at >= $1 and at < $2 group by 1)
           select day, coalesce(orders, 0) as orders, coalesce(revenue, 0)::bigint as revenue,
                  coalesce(refunds, 0)::bigint as refunds
           from days left join sold using (day) left join returned using (day) order by day""",
        since,
        until,
    )
    return [(row["day"], row["orders"], row["revenue"], row["refunds"]) for row in rows]


# The saga


async def saga(conn: Connection, order_id: UUID) -> Saga | None:
    row = await conn.fetchrow(f"select {_SAGA} from checkout where order_id = $1", order_id)
    return None if row is None else saga_from(row)


async def lock_saga(tx: Connection, order_id: UUID) -> Saga | None:
    """For a fact from outside, which may come while a worker is busy with the saga."""
    row = await tx.fetchrow(f"select {_SAGA} from checkout where order_id = $1 for update", order_id)
    return None if row is None else saga_from(row)


async def claim_due(tx: Connection, limit: int) -> list[Saga]:
    """Sagas whose time has come and that nobody holds; each gets a new epoch, which fences off whoever held it.

    That they are not at rest is said once more, since it is what the index of those that are due goes by."""
    rows = await tx.fetch(
        f"""update checkout set epoch = epoch + 1, lease_until = now() + make_interval(secs => $2)
            where order_id in (
              select order_id from checkout
              where next_run_at <= now() and next_run_at < 'infinity' and lease_until < now()
                and definition_version <= $3
              order by next_run_at limit $1 for update skip locked)
            returning {_SAGA}""",
        limit,
        LEASE_S,
        DEFINITION_VERSION,
    )
    return [saga_from(row) for row in rows]


async def claim(tx: Connection, order_id: UUID) -> Saga | None:
    """This saga, if it is due and nobody holds it. One that rests is nobody's to drive."""
    row = await tx.fetchrow(
        f"""update checkout set epoch = epoch + 1, lease_until = now() + make_interval(secs => $2)
            where order_id = $1 and next_run_at <= now() and lease_until < now() returning {_SAGA}""",
        order_id,
        LEASE_S,
    )
    return None if row is None else saga_from(row)


async def held_saga(conn: Connection, saga: Saga) -> Saga | None:
    """The saga as it is now, if its holder is still who read `saga`."""
    row = await conn.fetchrow(
        f"select {_SAGA} from checkout where order_id = $1 and epoch = $2", saga.order_id, saga.epoch
    )
    return None if row is None else saga_from(row)


@dataclass(frozen=True, slots=True)
class Due:
    """When a saved saga is to be driven on: in so many seconds, at a time, or (both None) only when something happens;
    `kept`: at once by its holder, and due for whoever comes after that one's lease."""

    run_in_s: float | None = None
    run_at: datetime | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """An order that goes through `statuses`, and what is told of it; with `payment` or `payment_status`, also how it
    can be paid or stands."""

    statuses: tuple[str, ...]
    at: datetime
    event: NewEvent | None = None
    payment: OrderPayment | None = None
    payment_status: str | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """An order's lines and money, and the number that it is known by from now on."""

    number: str
    items: list[OrderItem]
    subtotal: int
    shipping: int
    shipping_method: str
    tax: int
    tax_lines: list[dict[str, Any]]
    total: int
    at: datetime


_SAVED = """saved as (
              update checkout set state = $4, context = $5, attempts = $6, version = version + 1, epoch = epoch + $7,
                     since = case when state = $4 then since else now() end,
                     lease_until = case when $8 then now() + make_interval(secs => $9) else '-infinity' end,
                     next_run_at = case when $8 then least(next_run_at, now())
                                        else coalesce($10, now() + make_interval(secs => $11), 'infinity') end
              where order_id = $1 and version = $2 and epoch = $3 returning order_id, version, epoch, since),
            noted as (
              insert into checkout_step (order_id, state, detail)
              select saved.order_id, step.state, step.detail
              from saved, unnest($12::text[], $13::text[]) with ordinality as step (state, detail, n)
              order by step.n)"""


async def save_saga(
    conn: Connection,
    old: Saga,
    new: Saga,
    due: Due,
    *,
    steps: tuple[tuple[State, str | None], ...] = (),
    order: Moved | Priced | None = None,
    fence_off: bool = False,
) -> Saga | None:
    """Save `new`, note `steps` and write what becomes of the order, if the saga is still as `old` was read; None when
    somebody else has written since. `fence_off` keeps whoever is busy with it from writing.

    It is one statement, and so one commit, whatever it writes.
    """
    saga = (
        old.order_id,
        old.version,
        old.epoch,
        new.state,
        new.context,
        new.attempts,
        int(fence_off),
        due.kept,
        LEASE_S,
        due.run_at,
        due.run_in_s,
        [state for state, _ in steps],
        [detail for _, detail in steps],
    )
    match order:
        case None:
            row = await conn.fetchrow(f"with {_SAVED} select version, epoch, since from saved", *saga)
        case Moved():
            row = await _save_moved(conn, saga, order)
        case Priced():
            row = await _save_priced(conn, saga, order)
    return None if row is None else replace(new, version=row["version"], epoch=row["epoch"], since=row["since"])


async def _save_moved(conn: Connection, saga: tuple[Any, ...], order: Moved) -> asyncpg.Record | None:
    event = order.event
    return await conn.fetchrow(
        f"""with {_SAVED},
            moved as (
              update orders set status = $14, history = history || $15, updated_at = $16,
                     paid_at = case when 'paid' = any($17::text[]) then $16 else paid_at end,
                     payment = case when $18::jsonb is not null then $18
                                    when $19::text is null or payment is null then payment
                                    else payment || jsonb_build_object('status', $19::text, 'checkout_url', null) end
              from saved where id = saved.order_id),
            told as (
              insert into event (id, type, subject, data, traceparent)
              select $20, $21, saved.order_id::text, $22, $23 from saved where $20::uuid is not null)
            select version, epoch, since from saved""",
        *saga,
        order.statuses[-1],
        _history(order.statuses, order.at),
        order.at,
        list(order.statuses),
        order.payment,
        order.payment_status,
        event and event.id,
        event and event.type,
        event and event.data,
        event and event.traceparent,
    )


async def _save_priced(conn: Connection, saga: tuple[Any, ...], order: Priced) -> asyncpg.Record | None:
    return await conn.fetchrow(
        f"""with {_SAVED},
            priced as (
              update orders set number = $14, items = $15, subtotal = $16, shipping = $17, shipping_method = $18,
                     tax = $19, tax_lines = $20, total = $21, updated_at = $22
              from saved where id = saved.order_id)
            select version, epoch, since from saved""",
        *saga,
        order.number,
        order.items,
        order.subtotal,
        order.shipping,
        order.shipping_method,
        order.tax,
        order.tax_lines,
        order.total,
        order.at,
    )


async def interrupt_saga(
    tx: Connection, locked: Saga, new: Saga, *, hold: bool = False, order: Moved | None = None
) -> Saga:
    """Save what a fact from outside made of a locked saga. Whoever is busy with it is fenced off; it is due now unless
    it rests, and leased to the caller with `hold`."""
    due = Due(None if new.state in RESTING else 0.0, kept=hold)
    saved = await save_saga(tx, locked, replace(new, attempts=0), due, order=order, fence_off=True)
    assert saved is not None
    return saved


async def is_acknowledged(conn: Connection, order_id: UUID) -> bool:
    """Whether the client was told of this order with a 2xx."""
    found: bool = await conn.fetchval("select acknowledged from checkout where order_id = $1", order_id)
    return found


async def acknowledge(tx: Connection, order_id: UUID) -> None:
    """Note that the client is told of this order, whose saga the caller has locked."""
    await tx.execute("update checkout set acknowledged = true where order_id = $1", order_id)


async def unbind_key(tx: Connection, saga: Saga) -> None:
    """A refusal binds nothing: unless the client was told of this order, its key may try again."""
    await tx.execute(
        """delete from idempotency_key where caller = $1 and key = $2 and resource = $3
             and not (select acknowledged from checkout where order_id = $4)""",
        f"user:{saga.context.user_id}",
        saga.context.key,
        str(saga.order_id),
        saga.order_id,
    )


async def saga_counts(conn: Connection) -> list[tuple[str, int, float]]:
    """(state, how many, age of the oldest in seconds) of sagas that are not at rest."""
    rows = await conn.fetch(
        """select state, count(*) as n, extract(epoch from now() - min(since))::float8 as age
           from checkout where next_run_at < 'infinity' group by state"""
    )
    return [(row["state"], row["n"], row["age"]) for row in rows]
