"""Statements on orders, and SQL fragments for the statement that moves a saga and its order in one commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import NewEvent
from serai.chassis.data.sql import named
from serai.commerce import forms
from serai.commerce.address import Address
from serai.commerce.money import Money
from serai.commerce.priced import Priced
from serai.contracts.order.client import OrderForMail
from serai.contracts.order.fulfilment import Fulfilment
from serai.contracts.order.orders import Failure, HistoryEntry, Order, OrderPayment
from serai.order.orders.domain import FulfilmentStatus, PaymentStatus, Status, payment_status_at

_FULFILMENTS = """
    case when fulfilment_status = 'unfulfilled' then '[]' else (
      select jsonb_agg(jsonb_build_object(
               'tracking_number', f.tracking_number, 'shipped_at', f.shipped_at,
               'items', (
                 select jsonb_agg(jsonb_build_object(
                          'line_id', l.id, 'variant_id', l.variant_id, 'quantity', fl.quantity) order by l.n)
                 from fulfilment.line fl join orders.line l on l.id = fl.line_id where fl.fulfilment_id = f.id))
               order by f.shipped_at)
      from fulfilment.fulfilment f where f.order_id = orders.id) end"""
_ORDER = f"""id, user_id, email, number, status, payment_status, fulfilment_status, currency, priced, refunded, note,
             shipping_address, billing_address, payment, {_FULFILMENTS} as fulfilments, failure, history, created_at,
             updated_at"""


def order_from(row: asyncpg.Record) -> Order:
    priced = None if row["priced"] is None else forms.to_wire(forms.from_stored(row["priced"]))
    return Order(
        id=row["id"],
        number=row["number"],
        status=row["status"],
        payment_status=row["payment_status"],
        fulfilment_status=row["fulfilment_status"],
        items=priced.items if priced else [],
        subtotal=priced.subtotal if priced else None,
        discounts=priced.discounts if priced else [],
        shipping=priced.shipping if priced else None,
        shipping_method=priced.shipping_method if priced else None,
        tax=priced.tax if priced else None,
        tax_lines=priced.tax_lines if priced else [],
        prices_include_tax=priced.prices_include_tax if priced else False,
        total=priced.total if priced else None,
        refunded=Money(row["refunded"], row["currency"]) if priced else None,
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


# Reading


async def order_of(conn: Connection, user_id: UUID, order_id: UUID) -> Order | None:
    """A buyer's own order. Handlers read orders for buyers with this only."""
    row = await conn.fetchrow(f"select {_ORDER} from orders.orders where id = $1 and user_id = $2", order_id, user_id)
    return None if row is None else order_from(row)


async def any_order(conn: Connection, order_id: UUID) -> OrderForMail | None:
    """Any buyer's order, for admins and for the service that emails the buyer."""
    row = await conn.fetchrow(f"select {_ORDER} from orders.orders where id = $1", order_id)
    return None if row is None else OrderForMail(row["user_id"], order_from(row))


async def orders_of(
    conn: Connection, user_id: UUID, status: str | None, before: UUID | None, limit: int
) -> list[Order]:
    """A buyer's orders, newest first. Rejected orders are included only with `status="rejected"`."""
    rows = await conn.fetch(
        f"""select {_ORDER} from orders.orders
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
    """The orders of all buyers, newest first. `q` is an order number or the beginning of an email address."""
    rows = await conn.fetch(
        f"""select {_ORDER} from orders.orders
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


async def stats_by_day(conn: Connection, since: datetime, until: datetime) -> list[tuple[datetime, int, int, int]]:
    """(day in UTC, orders paid, revenue, refunds) for each day of the range, in minor units."""
    rows = await conn.fetch(
        """with days as (
             select generate_series(date_trunc('day', $1::timestamptz, 'UTC'),
                                    $2::timestamptz - interval '1 microsecond', interval '1 day') as day),
           sold as (
             select date_trunc('day', paid_at, 'UTC') as day, count(*) as orders, sum(total) as revenue
             from orders.orders where paid_at >= $1 and paid_at < $2 group by 1),
           returned as (
             select date_trunc('day', at, 'UTC') as day, sum(amount) as refunds
             from orders.refund where at >= $1 and at < $2 group by 1)
           select day, coalesce(orders, 0) as orders, coalesce(revenue, 0)::bigint as revenue,
                  coalesce(refunds, 0)::bigint as refunds
           from days left join sold using (day) left join returned using (day) order by day""",
        since,
        until,
    )
    return [(row["day"], row["orders"], row["revenue"], row["refunds"]) for row in rows]


# Writing


@dataclass(frozen=True, slots=True)
class LockedOrder:
    """The fields of an order that decide about a change, its row being locked. `total` is in minor units, None until it
    is priced."""

    id: UUID
    user_id: UUID | None
    status: Status
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    total: int | None


async def lock_order(tx: Connection, order_id: UUID) -> LockedOrder | None:
    row = await tx.fetchrow(
        """select id, user_id, status, payment_status, fulfilment_status, total from orders.orders
           where id = $1 for update""",
        order_id,
    )
    return None if row is None else LockedOrder(**row)


async def next_number(conn: Connection) -> str:
    number: str = await conn.fetchval("select 'S-' || nextval('orders.number')")
    return number


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """An order passes through `statuses`, which `event` reports. `payment` replaces the payment page that the order
    shows; `page_status` ends the page and says how."""

    statuses: tuple[Status, ...]
    at: datetime
    event: NewEvent | None = None
    payment: OrderPayment | None = None
    page_status: str | None = None
    fulfilment_status: FulfilmentStatus | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of `STATUS_UPDATE`."""
        event = self.event
        return {
            "status": self.statuses[-1],
            "payment_status": payment_status_at(self.statuses[-1]),
            "fulfilment_status": self.fulfilment_status,
            "entries": _history(self.statuses, self.at),
            "at": self.at,
            "paid": "paid" in self.statuses,
            "payment": self.payment,
            "page_status": self.page_status,
            "event_id": event and event.id,
            "event_type": event and event.type,
            "event_data": event and event.data,
            "traceparent": event and event.traceparent,
        }


#: For a statement that starts with `saved`, a row with the order's id. That row is the saga's: it is missing when the
#: fence refused the write, and then nothing is written.
STATUS_UPDATE = """
    updated as (
      update orders.orders set status = :status, history = history || :entries, updated_at = :at,
             payment_status = coalesce(:payment_status, payment_status),
             fulfilment_status = coalesce(:fulfilment_status, fulfilment_status),
             paid_at = case when :paid then :at else paid_at end,
             payment = case when :payment::jsonb is not null then :payment
                            when :page_status::text is null or payment is null then payment
                            else payment || jsonb_build_object('status', :page_status::text, 'checkout_url', null) end
      from saved where id = saved.order_id),
    told as (
      insert into event (id, type, subject, data, traceparent)
      select :event_id::uuid, :event_type::text, saved.order_id::text, :event_data::jsonb, :traceparent::text
      from saved where :event_id::uuid is not null)"""
_SAVE_STATUS = f"with saved as (select :order_id::uuid as order_id), {STATUS_UPDATE} select"


async def update_status(tx: Connection, order_id: UUID, update: StatusUpdate) -> None:
    """Update an order that is not being moved by its saga."""
    await tx.execute(*named(_SAVE_STATUS, order_id=order_id, **update.parameters))


@dataclass(frozen=True, slots=True)
class PriceUpdate:
    """An order has been priced and has got its number."""

    number: str
    priced: Priced
    at: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of `PRICE_UPDATE`."""
        lines = [each.line for each in self.priced.lines]
        return {
            "number": self.number,
            "priced": forms.to_stored(self.priced),
            "total": self.priced.total,
            "at": self.at,
            "line_ids": [line.id for line in lines],
            "product_ids": [line.product_id for line in lines],
            "variant_ids": [line.variant_id for line in lines],
            "skus": [line.sku for line in lines],
            "quantities": [line.quantity for line in lines],
        }


#: For the same place as `STATUS_UPDATE`.
PRICE_UPDATE = """
    priced as (
      update orders.orders set number = :number, priced = :priced, total = :total, updated_at = :at
      from saved where id = saved.order_id),
    lines as (
      insert into orders.line (id, order_id, n, product_id, variant_id, sku, quantity)
      select line.id, saved.order_id, line.n, line.product_id, line.variant_id, line.sku, line.quantity
      from saved, unnest(:line_ids::uuid[], :product_ids::uuid[], :variant_ids::uuid[], :skus::text[],
                         :quantities::int[])
                  with ordinality as line (id, product_id, variant_id, sku, quantity, n))"""

#: For the statement that inserts a saga. `bound` is the idempotency key, missing when it was bound before.
INSERT = """
    placed as (
      insert into orders.orders (id, user_id, email, status, currency, shipping_address, billing_address, note,
                                 history, created_at, updated_at)
      select :order_id, :user_id, :email, 'pending', :currency, :shipping_address, :billing_address, :note, :entries,
             :at, :at
      from bound returning id)"""


def _history(statuses: tuple[Status, ...], now: datetime) -> list[HistoryEntry]:
    return [HistoryEntry(status, now) for status in statuses]


async def reject(tx: Connection, order_id: UUID, failure: dict[str, Any], now: datetime) -> None:
    """Mark an order rejected. It keeps the reason and loses its number."""
    await tx.execute(
        """update orders.orders set status = 'rejected', history = history || $4, number = null, payment = null,
                  failure = $2, updated_at = $3
           where id = $1""",
        order_id,
        failure,
        now,
        _history(("rejected",), now),
    )


async def set_payment(tx: Connection, order_id: UUID, payment: OrderPayment, now: datetime) -> None:
    await tx.execute("update orders.orders set payment = $2, updated_at = $3 where id = $1", order_id, payment, now)


_RECORD_REFUND = """
    with recorded as (
      insert into orders.refund (refund_id, order_id, amount, at) values (:refund_id, :order_id, :amount, :at))
    update orders.orders set
        refunded = greatest(refunded, :refunded), updated_at = :at, payment_status = :payment_status,
        status = coalesce(:status, status), history = history || :entries,
        payment = case when :payment_status = 'refunded' and payment is not null
                       then payment || '{"status": "refunded", "checkout_url": null}' else payment end
    where id = :order_id"""


async def record_refund(
    tx: Connection,
    order_id: UUID,
    *,
    refund_id: UUID,
    amount: int,
    refunded: int,
    payment_status: PaymentStatus,
    statuses: tuple[Status, ...],
    at: datetime,
) -> None:
    """Record a refund that Stripe has carried out. `amount` is in minor units, `refunded` the sum of all refunds. The
    order passes through `statuses`, which may be empty."""
    await tx.execute(
        *named(
            _RECORD_REFUND,
            order_id=order_id,
            refund_id=refund_id,
            amount=amount,
            refunded=refunded,
            payment_status=payment_status,
            status=statuses[-1] if statuses else None,
            entries=_history(statuses, at),
            at=at,
        )
    )
