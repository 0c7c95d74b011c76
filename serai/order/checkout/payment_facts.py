"""Applies the events of payment's feed to orders and their checkouts."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import Event
from serai.chassis.errors import NotFound
from serai.contracts.order.events import ORDER_REFUNDED
from serai.contracts.order.orders import OrderPayment
from serai.contracts.payment import (
    PAYMENT_OPENED,
    PAYMENT_SUCCEEDED,
    REFUND_CREATED,
    REFUND_FAILED,
    REFUND_SUCCEEDED,
    PaymentOpened,
    RefundEvent,
)
from serai.order.checkout import domain, store
from serai.order.checkout.domain import OnPaid, State
from serai.order.checkout.events import append_event, order_paid
from serai.order.deps import Deps
from serai.order.orders import store as orders
from serai.order.orders.domain import payment_status_refunded, statuses_on_refund
from serai.order.orders.metrics import ORDERS
from serai.order.orders.store import StatusUpdate

log = logging.getLogger(__name__)


async def apply_payment_event(deps: Deps, tx: Connection, event: Event) -> None:
    """Apply an event of payment's feed, in the transaction that moves the feed's cursor."""
    if event.type == PAYMENT_SUCCEEDED:
        await _apply_success(tx, UUID(event.subject))
    elif event.type == PAYMENT_OPENED:
        await _apply_opened(tx, UUID(event.subject), msgspec.convert(event.data, PaymentOpened))
    elif event.type in (REFUND_CREATED, REFUND_SUCCEEDED, REFUND_FAILED):
        refund = msgspec.convert(event.data, RefundEvent)
        await _apply_refund(deps, tx, UUID(event.subject), event, refund)


async def _apply_success(tx: Connection, order_id: UUID) -> None:
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
    order = await orders.lock_order(tx, order_id)
    if order is not None and order.status == "awaiting_payment":
        payment = OrderPayment(opened.payment_id, "requires_payment", opened.checkout_url, opened.expires_at)
        await orders.set_payment(tx, order_id, payment, datetime.now(UTC))


async def _apply_refund(deps: Deps, tx: Connection, order_id: UUID, event: Event, refund: RefundEvent) -> None:
    saga = await store.lock_saga(tx, order_id)
    order = await orders.lock_order(tx, order_id)
    if saga is None or order is None:
        raise NotFound(f"refund of an order that is not there: {order_id}")
    if event.type == REFUND_FAILED:
        log.error("refund failed", extra={"order_id": order_id, "alert": "refund_failed"})
        return
    if event.type == REFUND_CREATED:
        statuses = statuses_on_refund(order.status, full=refund.full, succeeded=False)
        if statuses:
            await orders.update_status(tx, order_id, StatusUpdate(statuses, event.time))
        return
    refunded, total = refund.refunded.amount, order.total
    assert total is not None
    full = refunded == total
    statuses = statuses_on_refund(order.status, full=full, succeeded=True)
    await orders.record_refund(
        tx,
        order_id,
        refund_id=refund.refund_id,
        amount=refund.amount.amount,
        refunded=refunded,
        payment_status=payment_status_refunded(order.payment_status, refunded=refunded, total=total),
        statuses=statuses,
        at=event.time,
    )
    if full:
        restock = domain.restocks(shipped=order.fulfilment_status != "unfulfilled", requested=refund.restock)
        saga = await store.interrupt_saga(tx, saga, domain.on_refunded(saga, restock=restock))
        if "refunded" in statuses:
            await append_event(tx, deps.feed, saga, ORDER_REFUNDED)
            ORDERS.labels("refunded").inc()
