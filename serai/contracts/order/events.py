"""The events of order's feed. The subject is always the order's id."""

from __future__ import annotations

from uuid import UUID

import msgspec

ORDER_PLACED = "order.placed"
ORDER_PAID = "order.paid"
ORDER_SHIPPED = "order.shipped"
ORDER_DELIVERED = "order.delivered"
ORDER_CANCELLED = "order.cancelled"
ORDER_REJECTED = "order.rejected"
ORDER_REFUNDED = "order.refunded"


class OrderEvent(msgspec.Struct, frozen=True):
    """Payload of every order event. `number` is null for an order that never got one."""

    order_id: UUID
    user_id: UUID
    number: str | None
