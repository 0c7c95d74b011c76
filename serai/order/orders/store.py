"""Statements on orders, and the fragments by which the statement that moves a saga writes its order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import NewEvent
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
from serai.order.orders.domain import Status

_ORDER = """id, user_id, email, number, status, currency, items, discounts, tax_lines, subtotal, shipping, tax, total,
            refunded, shipping_method, note, shipping_address, billing_address, payment, fulfilments, failure, history,
            created_at, updated_at"""


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


async def update_status(tx: Connection, order_id: UUID, statuses: tuple[Status, ...], now: datetime) -> None:
    """Move an order through `statuses`, noting each in its history."""
    await tx.execute(
        "update orders set status = $2, history = history || $3, updated_at = $4 where id = $1",
        order_id,
        statuses[-1],
        _history(statuses, now),
        now,
    )


def _history(statuses: tuple[Status, ...], now: datetime) -> list[HistoryEntry]:
    return [HistoryEntry(status, now) for status in statuses]


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


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """An order that goes through `statuses`, and the event that says so; with `payment` or `payment_status`, also how
    it can be paid or stands."""

    statuses: tuple[Status, ...]
    at: datetime
    event: NewEvent | None = None
    payment: OrderPayment | None = None
    payment_status: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of `STATUS_UPDATE`."""
        event = self.event
        return {
            "status": self.statuses[-1],
            "entries": _history(self.statuses, self.at),
            "at": self.at,
            "paid": "paid" in self.statuses,
            "payment": self.payment,
            "payment_status": self.payment_status,
            "event_id": event and event.id,
            "event_type": event and event.type,
            "event_data": event and event.data,
            "traceparent": event and event.traceparent,
        }


#: For the statement that moves an order's saga: `saved` is the saga's row, empty when its fence refused the write.
STATUS_UPDATE = """
    updated as (
      update orders set status = :status, history = history || :entries, updated_at = :at,
             paid_at = case when :paid then :at else paid_at end,
             payment = case when :payment::jsonb is not null then :payment
                            when :payment_status::text is null or payment is null then payment
                            else payment || jsonb_build_object('status', :payment_status::text, 'checkout_url', null)
                       end
      from saved where id = saved.order_id),
    told as (
      insert into event (id, type, subject, data, traceparent)
      select :event_id::uuid, :event_type::text, saved.order_id::text, :event_data::jsonb, :traceparent::text
      from saved where :event_id::uuid is not null)"""


@dataclass(frozen=True, slots=True)
class PriceUpdate:
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

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of `PRICE_UPDATE`."""
        return {
            "number": self.number,
            "items": self.items,
            "subtotal": self.subtotal,
            "shipping": self.shipping,
            "shipping_method": self.shipping_method,
            "tax": self.tax,
            "tax_lines": self.tax_lines,
            "total": self.total,
            "at": self.at,
        }


#: Likewise.
PRICE_UPDATE = """
    priced as (
      update orders set number = :number, items = :items, subtotal = :subtotal, shipping = :shipping,
             shipping_method = :shipping_method, tax = :tax, tax_lines = :tax_lines, total = :total, updated_at = :at
      from saved where id = saved.order_id)"""

#: For the statement that opens an order's saga: `bound` is the idempotency key, empty when it had been used before.
INSERT = """
    placed as (
      insert into orders (id, user_id, email, status, currency, shipping_address, billing_address, note, history,
                          created_at, updated_at)
      select :order_id, :user_id, :email, 'pending', :currency, :shipping_address, :billing_address, :note, :entries,
             :at, :at
      from bound returning id)"""


# The demo shop


async def orders_by_key(conn: Connection, prefix: str) -> dict[str, UUID]:
    """The newest order of each idempotency key that begins with `prefix`, rejected ones included."""
    rows = await conn.fetch(
        """select context ->> 'key' as key, order_id from checkout
           where starts_with(context ->> 'key', $1) order by order_id""",
        prefix,
    )
    return {row["key"]: row["order_id"] for row in rows}


async def set_times(
    tx: Connection,
    order_id: UUID,
    history: list[HistoryEntry],
    fulfilments: list[Fulfilment],
    placed_at: datetime,
    paid_at: datetime | None,
    changed_at: datetime,
) -> None:
    """Say that everything happened to this order at another time, and its refund with its last change."""
    await tx.execute(
        """update orders set history = $2, fulfilments = $3, created_at = $4, paid_at = $5, updated_at = $6
           where id = $1""",
        order_id,
        history,
        fulfilments,
        placed_at,
        paid_at,
        changed_at,
    )
    await tx.execute("update order_refund set at = $2 where order_id = $1", order_id, changed_at)
