"""What can be done with an order, one verb each: open the transaction, decide in `domain`, save once."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from serai.chassis.auth import Caller
from serai.chassis.data.database import Connection
from serai.chassis.data.feed import Event
from serai.chassis.data.idempotency import IdempotentRequest, InProgress
from serai.chassis.errors import Conflict, Invalid, NotFound, from_document
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts import order as wire
from serai.contracts.cart import CartEmpty
from serai.contracts.payment import (
    PAYMENT_OPENED,
    PAYMENT_SUCCEEDED,
    REFUND_CREATED,
    REFUND_FAILED,
    REFUND_SUCCEEDED,
    PaymentOpened,
    RefundEvent,
)
from serai.contracts.product.inventory import OutOfStock
from serai.order import domain, pricing, store
from serai.order.deps import Deps
from serai.order.domain import OnCancel, OnPaid, Saga, State
from serai.order.saga import ORDERS, order_paid, tell

log = logging.getLogger(__name__)

#: How long a request waits for its checkout before it answers 202 and a worker carries on.
PATIENCE_S = 5.0
_REFUND_PATIENCE_S = 2.0
_MAX_STATS_DAYS = 400


class OrderNotReady(Conflict):
    code, detail = "order_not_ready", "This order is paid but its units are not booked yet; try again in a moment."


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it is now; `settled` when the buyer need not wait for anything of ours; `replayed` when an earlier
    request with the same key had placed it."""

    order: wire.Order
    settled: bool
    replayed: bool = False


async def quote(deps: Deps, user_id: UUID, asked: wire.QuoteAsked, guest: str | None) -> wire.Quote:
    """What placing this order would come to. Raises what placing it would raise; changes nothing but that a guest's
    cart becomes the user's."""
    currency = deps.rules.currency
    _check_currency(asked.expected_total, currency)
    pricing.shipping_method(asked.shipping_method, deps.rules)
    cart = await deps.cart.current(user_id, guest)
    if not cart.lines:
        raise CartEmpty
    facts = {fact.variant_id: fact for fact in await deps.product.variants([line.variant_id for line in cart.lines])}
    short = [
        {"variant_id": line.variant_id, "requested": line.quantity, "available": available}
        for line in cart.lines
        if line.quantity > (available := facts[line.variant_id].available if line.variant_id in facts else 0)
    ]
    if short:
        raise OutOfStock(items=short)
    lines = [(facts[line.variant_id], line.quantity) for line in cart.lines]
    country = asked.shipping_address.country if asked.shipping_address else None
    amounts = [(fact.unit_price.amount, quantity) for fact, quantity in lines]
    totals = pricing.totals(amounts, asked.shipping_method, country, deps.rules)
    if asked.expected_total is not None and asked.expected_total.amount != totals.total:
        raise domain.TotalChanged(total=Money(totals.total, currency))
    return wire.Quote(
        items=[
            wire.OrderItem(
                product_id=fact.product_id,
                variant_id=fact.variant_id,
                sku=fact.sku,
                name=fact.name,
                options=fact.options,
                quantity=quantity,
                unit_price=fact.unit_price,
                total=fact.unit_price.times(quantity),
            )
            for fact, quantity in lines
        ],
        subtotal=Money(totals.subtotal, currency),
        discounts=[],
        shipping=Money(totals.shipping, currency),
        shipping_method=totals.shipping_method.id,
        shipping_methods=[
            wire.ShippingOption(method.id, method.name, Money(method.amount, currency))
            for method in deps.rules.shipping_methods
        ],
        tax=Money(totals.tax, currency),
        tax_lines=pricing.tax_lines_out(totals, currency),
        total=Money(totals.total, currency),
    )


async def place_order(
    deps: Deps, caller: Caller, asked: wire.PlaceOrder, guest: str | None, once: IdempotentRequest
) -> Placed:
    """Order the caller's whole cart. Answers when the payment page is ready, or after a few seconds with the order
    still pending. Raises `CartEmpty`, `CheckoutInProgress`, `OutOfStock`, `TotalChanged`, `InProgress`."""
    _check_currency(asked.expected_total, deps.rules.currency)
    pricing.shipping_method(asked.shipping_method, deps.rules)
    # Two requests under one key meet at most twice: the other's order may be refused, and let the key go, in between.
    for _ in range(3):
        saga = await _accept(deps, caller, asked, guest, once)
        if saga is not None:
            return await _carry_out(deps, caller.user, saga)
        async with deps.db.transaction() as tx:
            made = await once.made(tx)
        if made is not None:
            return await _placed_before(deps, caller.user, UUID(made))
    raise InProgress


async def _accept(
    deps: Deps, caller: Caller, asked: wire.PlaceOrder, guest: str | None, once: IdempotentRequest
) -> Saga | None:
    """None when the key has made an order before."""
    order_id = new_id()
    context = domain.Context(
        user_id=caller.user,
        key=once.key or "",
        email=caller.email,
        guest=guest,
        shipping_method=asked.shipping_method,
        country=asked.shipping_address.country,
        expected_total=asked.expected_total.amount if asked.expected_total else None,
        hold_id=str(order_id),
    )
    async with deps.db.connection() as conn:
        return await store.insert_order(
            conn,
            once,
            order_id=order_id,
            email=caller.email,
            currency=deps.rules.currency,
            shipping_address=asked.shipping_address,
            billing_address=asked.billing_address,
            note=asked.note,
            context=context,
            now=datetime.now(UTC),
        )


async def _carry_out(deps: Deps, user_id: UUID, saga: Saga) -> Placed:
    rested = await deps.checkout.drive_within(saga, PATIENCE_S)
    if rested is None:
        async with deps.db.transaction() as tx:
            now = await store.lock_saga(tx, saga.order_id)
            if now is not None and now.state is not State.REJECTED:
                await store.acknowledge(tx, saga.order_id)
            rested = now
    if rested is not None and rested.state is State.REJECTED:
        failure = rested.context.failure or {}
        raise from_document(int(failure.get("status", 409)), failure)
    order = await read_order(deps, Caller(user_id=user_id), saga.order_id)
    return Placed(order, settled=order.status != "pending")


async def _placed_before(deps: Deps, user_id: UUID, order_id: UUID) -> Placed:
    """The order that an earlier request with this key made. One whose request died half-way is carried on."""
    async with deps.db.transaction() as tx:
        order = await store.order_of(tx, user_id, order_id)
        if order is None:
            raise NotFound
        saga = None
        if order.status == "pending" and not await store.is_acknowledged(tx, order_id):
            saga = await store.claim(tx, order_id)
            if saga is None:
                raise InProgress
    if saga is not None:
        return replace(await _carry_out(deps, user_id, saga), replayed=True)
    return Placed(order, settled=order.status != "pending", replayed=True)


async def read_order(deps: Deps, caller: Caller, order_id: UUID) -> wire.Order:
    """The caller's order, or for an admin any. Raises `NotFound`."""
    async with deps.db.connection() as conn:
        if caller.is_admin:
            found = await store.any_order(conn, order_id)
            order = found.order if found else None
        else:
            order = await store.order_of(conn, caller.user, order_id)
    if order is None:
        raise NotFound
    return order


async def update_order(deps: Deps, order_id: UUID, asked: wire.UpdateOrder) -> wire.Order:
    """Ship or deliver. Raises `NotFound`, `IllegalTransition`, `OrderNotReady`."""
    if asked.tracking_number is not None and asked.status != "shipped":
        raise Invalid("A tracking number belongs to a shipment.", field="tracking_number")
    now = datetime.now(UTC)
    async with deps.db.transaction() as tx:
        saga = await store.lock_saga(tx, order_id)
        row = await store.lock_order(tx, order_id)
        if row is None or saga is None:
            raise NotFound
        domain.require_move(row["status"], asked.status)
        if asked.status == "shipped":
            if saga.state is not State.DONE:
                raise OrderNotReady
            items = [
                wire.FulfilmentItem(item.variant_id, item.quantity)
                for item in msgspec.convert(row["items"], list[wire.OrderItem])
            ]
            await store.add_fulfilment(tx, order_id, wire.Fulfilment(items, asked.tracking_number, now))
        await store.set_status(tx, order_id, (asked.status,), now)
        event = wire.ORDER_SHIPPED if asked.status == "shipped" else wire.ORDER_DELIVERED
        await tell(tx, deps.feed, saga, event)
    deps.feed.nudge()
    ORDERS.labels(asked.status).inc()
    return await read_order(deps, _ADMIN, order_id)


async def cancel_order(deps: Deps, caller: Caller, order_id: UUID, once: IdempotentRequest) -> Placed:
    """Cancel what is unpaid, or as an admin refund what has not shipped. Answers the order as it is after a few
    seconds at most. Raises `NotFound`, `IllegalTransition` (also when the payment won the race)."""
    async with deps.db.transaction() as tx:
        replayed = await once.made(tx) is not None
        saga = await store.lock_saga(tx, order_id)
        row = await store.lock_order(tx, order_id)
        if saga is None or row is None or not (caller.is_admin or row["user_id"] == caller.user_id):
            raise NotFound
        if not replayed:
            await once.bind(tx, order_id)
        verdict = OnCancel.ALREADY if replayed else domain.on_cancel(row["status"], saga.state, admin=caller.is_admin)
        driven = await _begin_cancel(tx, deps, saga, verdict)
    if driven is not None:
        await deps.checkout.drive_within(driven, PATIENCE_S)
        if verdict is OnCancel.REFUND:
            await _until_refunded(deps, order_id)
    order = await read_order(deps, caller, order_id)
    if verdict in (OnCancel.CLOSE, OnCancel.REJECT) and order.status not in ("awaiting_payment", "pending"):
        domain.require_cancelled(order.status)
    under_way = order.status in ("pending", "awaiting_payment", "refunding")
    return Placed(order, settled=not under_way, replayed=replayed)


async def _begin_cancel(tx: Connection, deps: Deps, saga: Saga, verdict: OnCancel) -> Saga | None:
    if verdict is OnCancel.ALREADY:
        return None
    if verdict is OnCancel.REFUND:
        await store.set_status(tx, saga.order_id, ("refunding",), datetime.now(UTC))
    return await store.interrupt_saga(tx, saga, domain.cancelled(saga, verdict), hold=True)


async def _until_refunded(deps: Deps, order_id: UUID) -> None:
    """Stripe mostly answers at once, and payment's feed tells us a moment later."""
    deadline = time.monotonic() + _REFUND_PATIENCE_S
    while time.monotonic() < deadline:
        if (await read_order(deps, _ADMIN, order_id)).status != "refunding":
            return
        await asyncio.sleep(0.05)


async def apply_payment_event(deps: Deps, tx: Connection, event: Event) -> None:
    """What payment tells of an order, applied in the transaction that moves the feed's cursor."""
    if event.type == PAYMENT_SUCCEEDED:
        await _apply_success(deps, tx, UUID(event.subject))
    elif event.type == PAYMENT_OPENED:
        await _apply_opened(tx, UUID(event.subject), msgspec.convert(event.data, PaymentOpened))
    elif event.type in (REFUND_CREATED, REFUND_SUCCEEDED, REFUND_FAILED):
        refund = msgspec.convert(event.data, RefundEvent)
        await _apply_refund(deps, tx, UUID(event.subject), event, refund)


async def _apply_success(deps: Deps, tx: Connection, order_id: UUID) -> None:
    saga = await store.lock_saga(tx, order_id)
    if saga is None:
        raise NotFound(f"payment succeeded for an order that is not there: {order_id}")
    match domain.on_paid(saga.state):
        case OnPaid.PAY:
            await store.interrupt_saga(tx, saga, replace(saga, state=State.PAID), order=order_paid(saga))
            ORDERS.labels("paid").inc()
        case OnPaid.REFUND:
            log.error("paid after it ended", extra={"order_id": order_id, "alert": "paid_after_end"})
            reason = "the order had ended before it was paid"
            context = replace(saga.context, refund_reason=reason)
            await store.interrupt_saga(tx, saga, replace(saga, state=State.REFUNDING, context=context))
        case OnPaid.IGNORE:
            pass


async def _apply_opened(tx: Connection, order_id: UUID, opened: PaymentOpened) -> None:
    row = await store.lock_order(tx, order_id)
    if row is not None and row["status"] == "awaiting_payment":
        payment = wire.OrderPayment(opened.payment_id, "requires_payment", opened.checkout_url, opened.expires_at)
        await store.set_payment(tx, order_id, payment, datetime.now(UTC))


async def _apply_refund(deps: Deps, tx: Connection, order_id: UUID, event: Event, refund: RefundEvent) -> None:
    saga = await store.lock_saga(tx, order_id)
    row = await store.lock_order(tx, order_id)
    if saga is None or row is None:
        raise NotFound(f"refund of an order that is not there: {order_id}")
    if event.type == REFUND_FAILED:
        log.error("refund failed", extra={"order_id": order_id, "alert": "refund_failed"})
        return
    succeeded = event.type == REFUND_SUCCEEDED
    full = refund.full
    if succeeded:
        refunded = refund.refunded.amount
        full = refunded == row["total"]
        await store.add_refund(tx, refund.refund_id, order_id, refund.amount.amount, refunded, event.time)
    statuses = domain.statuses_on_refund(row["status"], full=full, succeeded=succeeded)
    if statuses:
        await store.set_status(tx, order_id, statuses, event.time)
    if succeeded and full:
        await store.set_payment_status(tx, order_id, "refunded")
        restock = domain.restocks(shipped=bool(row["fulfilments"]), asked=refund.restock)
        saga = await store.interrupt_saga(tx, saga, domain.on_refunded(saga, restock=restock))
        if "refunded" in statuses:
            await tell(tx, deps.feed, saga, wire.ORDER_REFUNDED)
            ORDERS.labels("refunded").inc()


async def stats(deps: Deps, since: datetime | None, until: datetime | None) -> wire.OrderStats:
    """Orders, revenue and refunds by day, the last 30 days unless told otherwise. Raises `Invalid`."""
    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=30)
    if since.tzinfo is None or until.tzinfo is None:
        raise Invalid("Give a time with its offset, such as 2026-01-31T00:00:00Z.", field="since")
    if since >= until or until - since > timedelta(days=_MAX_STATS_DAYS):
        raise Invalid(f"Give a range of at most {_MAX_STATS_DAYS} days that begins before it ends.", field="since")
    async with deps.db.connection() as conn:
        days = await store.stats_by_day(conn, since, until)
    currency = deps.rules.currency
    return wire.OrderStats(
        items=[
            wire.DayStats(day.date(), orders, Money(revenue, currency), Money(refunds, currency))
            for day, orders, revenue, refunds in days
        ],
        orders=sum(orders for _, orders, _, _ in days),
        revenue=Money(sum(revenue for _, _, revenue, _ in days), currency),
        refunds=Money(sum(refunds for _, _, _, refunds in days), currency),
    )


_ADMIN = Caller(role="admin")


def _check_currency(money: Money | None, currency: str) -> None:
    if money is not None and money.currency != currency:
        raise Invalid(f"This shop's currency is {currency}.", field="expected_total.currency")
