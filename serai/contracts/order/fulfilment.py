"""Shipments of an order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec


class FulfilmentItem(msgspec.Struct, frozen=True):
    line_id: UUID
    variant_id: UUID
    quantity: int


class Fulfilment(msgspec.Struct, frozen=True):
    items: list[FulfilmentItem]
    tracking_number: str | None
    shipped_at: datetime


class UpdateOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["shipped", "delivered"]
    tracking_number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
