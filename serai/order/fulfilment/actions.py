"""Shipping and delivering a paid order."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id
from serai.contracts.order.events import ORDER_DELIVERED, ORDER_SHIPPED
from serai.contracts.order.fulfilment import UpdateOrder
from serai.contracts.order.orders import Order
from serai.order.checkout import store as checkout
from serai.order.checkout.domain import State
from serai.order.checkout.events import order_event
from serai.order.deps import Deps
from serai.order.fulfilment import store
from serai.order.orders import store as orders
from serai.order.orders.actions import read_order_as_system
from serai.order.orders.domain import fulfilment_status_after, require_move
from serai.order.orders.metrics import ORDERS
from serai.order.orders.store import StatusUpdate


class OrderNotReady(Conflict):
    code, detail = "order_not_ready", "This order is paid but its stock is not booked yet; try again in a moment."


async def update_order(deps: Deps, order_id: UUID, request: UpdateOrder) -> Order:
    """Mark an order shipped or delivered. Raises `NotFound`, `IllegalTransition`, `OrderNotReady`."""
    if request.tracking_number is not None and request.status != "shipped":
        raise Invalid("A tracking number belongs to a shipment.", field="tracking_number")
    now = datetime.now(UTC)
    async with deps.database.transaction() as tx:
        saga = await checkout.lock_saga(tx, order_id)
        order = await orders.lock_order(tx, order_id)
        if order is None or saga is None:
            raise NotFound
        require_move(order.status, request.status)
        if request.status == "shipped":
            if saga.state is not State.DONE:
                raise OrderNotReady
            await store.ship_rest(tx, order_id, fulfilment_id=new_id(), tracking_number=request.tracking_number, at=now)
            fulfilment_status = fulfilment_status_after(order.fulfilment_status, left=0)
            event = order_event(saga, ORDER_SHIPPED)
            update = StatusUpdate(("shipped",), now, event, fulfilment_status=fulfilment_status)
        else:
            update = StatusUpdate(("delivered",), now, order_event(saga, ORDER_DELIVERED))
        await orders.update_status(tx, order_id, update)
    deps.feed.nudge()
    ORDERS.labels(request.status).inc()
    return await read_order_as_system(deps, order_id)
