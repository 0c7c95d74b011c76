"""Statements on shipments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from serai.chassis.data.database import Connection
from serai.chassis.data.sql import named

_SHIP_REST = """
    with rest as (
      select id, quantity - fulfilled as quantity from orders.line where order_id = :order_id and fulfilled < quantity),
    shipment as (
      insert into fulfilment.fulfilment (id, order_id, tracking_number, shipped_at)
      values (:fulfilment_id, :order_id, :tracking_number, :at)),
    packed as (
      insert into fulfilment.line (fulfilment_id, line_id, quantity)
      select :fulfilment_id, id, quantity from rest)
    update orders.line set fulfilled = line.quantity from rest where line.id = rest.id"""


async def ship_rest(
    tx: Connection, order_id: UUID, *, fulfilment_id: UUID, tracking_number: str | None, at: datetime
) -> None:
    """Ship every unit that has not shipped yet. The caller has locked the order's row."""
    await tx.execute(
        *named(_SHIP_REST, order_id=order_id, fulfilment_id=fulfilment_id, tracking_number=tracking_number, at=at)
    )
