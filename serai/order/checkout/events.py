"""What a checkout tells of its order: the events of order's feed."""

from __future__ import annotations

from datetime import UTC, datetime

from serai.chassis.data.database import Connection
from serai.chassis.data.feed import Feed, NewEvent, new_event
from serai.contracts.order.events import ORDER_PAID, OrderEvent
from serai.order.checkout import domain
from serai.order.checkout.domain import Saga
from serai.order.orders.store import StatusUpdate


async def append_event(tx: Connection, feed: Feed, saga: Saga, type_: str) -> None:
    """Append an event of the saga's order to the feed, in the transaction that makes it true."""
    await feed.append(tx, type_, saga.order_id, _payload(saga))


def order_event(saga: Saga, type_: str) -> NewEvent:
    """The same event for a statement that writes the order with it."""
    return new_event(type_, _payload(saga))


def order_paid(saga: Saga) -> StatusUpdate:
    """What becomes of an order when its payment succeeds: its history, its payment, and the event that the
    confirmation is sent for. `saga` is in the state in which the payment finds it."""
    statuses = domain.statuses_to_paid(saga.state)
    event = order_event(saga, ORDER_PAID)
    return StatusUpdate(statuses, datetime.now(UTC), event, page_status="succeeded")


def _payload(saga: Saga) -> OrderEvent:
    return OrderEvent(saga.order_id, saga.context.user_id, saga.context.number)
