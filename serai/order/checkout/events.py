"""The events of order's feed. They belong to the trace of the request that placed the order, also when a payment or a
cancellation of another trace leads to them."""

from __future__ import annotations

from datetime import UTC, datetime

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import Feed, NewEvent, new_event
from serai.contracts.order.events import ORDER_PAID, OrderEvent
from serai.order.checkout import domain
from serai.order.checkout.domain import Saga
from serai.order.orders.store import StatusUpdate


async def append_event(tx: Connection, feed: Feed, saga: Saga, type_: str) -> None:
    """Append an event about the saga's order to the feed, in the transaction that it reports."""
    await feed.append(tx, type_, saga.order_id, _payload(saga), saga.context.traceparent)


def order_event(saga: Saga, type_: str) -> NewEvent:
    """The event for a statement that updates the order too (`StatusUpdate`)."""
    return new_event(type_, _payload(saga), saga.context.traceparent)


def order_paid(saga: Saga) -> StatusUpdate:
    """The update of an order whose payment succeeded, with the event that its confirmation is sent for. `saga` is still
    in the state before the payment."""
    statuses = domain.statuses_to_paid(saga.state)
    event = order_event(saga, ORDER_PAID)
    return StatusUpdate(statuses, datetime.now(UTC), event, page_status="succeeded")


def _payload(saga: Saga) -> OrderEvent:
    return OrderEvent(saga.order_id, saga.context.user_id, saga.context.number)
