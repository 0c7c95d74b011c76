"""What other services ask of orders. Nobody calls order but who writes to its buyers."""

from __future__ import annotations

from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.contracts.order.orders import Order


class OrderForMail(msgspec.Struct, frozen=True):
    """An order for those who write to its buyer."""

    user_id: UUID
    order: Order


class OrderClient(ServiceClient):
    callee = "order"

    async def order(self, order_id: UUID) -> OrderForMail:
        """Raises `NotFound`."""
        return await self._call("order", "GET", f"/internal/orders/{order_id}", OrderForMail, retryable=True)
