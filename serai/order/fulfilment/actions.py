"""Shipping and delivering a paid order."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from serai.chassis.auth import Caller
from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.contracts import order as wire
from serai.order.checkout import store as checkout
from serai.order.checkout.domain import State
from serai.order.checkout.events import append_event
from serai.order.deps import Deps
from serai.order.orders import store
from serai.order.orders.actions import read_order
from serai.order.orders.domain import require_move
from serai.order.orders.metrics import ORDERS


class OrderNotReady(Conflict):
    code, detail = "order_not_ready", "This order is paid but its units are not booked yet; try again in a moment."


async def update_order(deps: Deps, order_id: UUID, asked: wire.UpdateOrder) -> wire.Order:
    """Ship or deliver. Raises `NotFound`, `IllegalTransition`, `OrderNotReady`."""
    if asked.tracking_number is not None and asked.status != "shipped":
        raise Invalid("A tracking number belongs to a shipment.", field="tracking_number")
    now = datetime.now(UTC)
    async with deps.database.transaction() as tx:
        saga = await checkout.lock_saga(tx, order_id)
        row = await store.lock_order(tx, order_id)
        if row is None or saga is None:
            raise NotFound
        require_move(row["status"], asked.status)
        if asked.status == "shipped":
            if saga.state is not State.DONE:
                raise OrderNotReady
            items = [
                wire.FulfilmentItem(item.variant_id, item.quantity)
                for item in msgspec.convert(row["items"], list[wire.OrderItem])
            ]
            await store.add_fulfilment(tx, order_id, wire.Fulfilment(items, asked.tracking_number, now))
        await store.update_status(tx, order_id, (asked.status,), now)
        event = wire.ORDER_SHIPPED if asked.status == "shipped" else wire.ORDER_DELIVERED
        await append_event(tx, deps.feed, saga, event)
    deps.feed.nudge()
    ORDERS.labels(asked.status).inc()
    return await read_order(deps, _ADMIN, order_id)


_ADMIN = Caller(role="admin")
