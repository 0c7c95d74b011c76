"""Stock levels, their ledger, and holds.

A hold moves units from `available` to `held` for one order, all lines or none, and never expires by itself. It ends as
committed (the units are sold) or as released. Both are stored permanently, so that a late repetition of an earlier step
is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from serai.chassis.errors import Conflict
from serai.chassis.http.page import Page
from serai.contracts.product.offers import MAX_LINES, Offer

MAX_QUANTITY = 999
#: The largest stock of one variant, and the largest change of it.
MAX_STOCK = 1_000_000
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
Stock = Annotated[int, msgspec.Meta(ge=0, le=MAX_STOCK)]


class OutOfStock(Conflict):
    """Facts: `items` [{variant_id, requested, available}], or only `available` if one variant was requested."""

    code, detail = "out_of_stock", "There is not enough stock."


class HoldClosed(Conflict):
    """The hold was released or committed before, so it cannot be changed."""

    code, detail = "hold_closed", "This hold has ended."


class StockTooLow(Conflict):
    """Facts: `available`, `held`. Units that are held for orders cannot be removed."""

    code, detail = "stock_too_low", "There are fewer units than this would take."


class RequestDiffers(Conflict):
    code, detail = "request_differs", "Something else was asked for under this id before."


class AdjustStock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of stock that no order made, and its reason. A negative `delta` removes units."""

    variant_id: UUID
    delta: Annotated[int, msgspec.Meta(ge=-MAX_STOCK, le=MAX_STOCK)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]


class StockLevel(msgspec.Struct, frozen=True):
    """`on_hand` is the physical stock, the sum of `held` (for orders) and `available`."""

    variant_id: UUID
    on_hand: int
    held: int
    available: int


class StockMovement(msgspec.Struct, frozen=True):
    """A change of the physical stock, made by the admin `by` or by the order `order_id`."""

    variant_id: UUID
    delta: int
    reason: str
    order_id: UUID | None
    by: UUID | None
    at: datetime


StockLedger = Page[StockMovement]


class HoldLine(msgspec.Struct, frozen=True):
    variant_id: UUID
    quantity: Quantity


class HoldRequest(msgspec.Struct, frozen=True):
    lines: Annotated[list[HoldLine], msgspec.Meta(min_length=1, max_length=MAX_LINES)]


class HeldLine(Offer, frozen=True, kw_only=True):
    """The number of held units, and the offer at the time of the hold: the order uses its name and price."""

    quantity: int


class Held(msgspec.Struct, frozen=True):
    lines: list[HeldLine]
