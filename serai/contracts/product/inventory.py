"""Stock levels, their ledger, and holds.

A hold moves units from `available` to `held` for one order, all lines or none, and never expires by itself. It ends in
exactly one of two ways: committed (the units are sold) or released. Both ends are remembered for good, so that a late
repetition of an earlier step is refused.
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
#: Units of one variant, and the most that one movement of stock may bring or take.
MAX_STOCK = 1_000_000
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
Stock = Annotated[int, msgspec.Meta(ge=0, le=MAX_STOCK)]


class OutOfStock(Conflict):
    """Facts: `items` [{variant_id, requested, available}], or `available` where it is about one variant."""

    code, detail = "out_of_stock", "There is not enough stock."


class HoldClosed(Conflict):
    """The hold was released or committed before; nothing can be done under its id any more."""

    code, detail = "hold_closed", "This hold has ended."


class StockTooLow(Conflict):
    """Facts: `available`, `held`. What is held for orders cannot be taken away."""

    code, detail = "stock_too_low", "There are fewer units than this would take."


class RequestDiffers(Conflict):
    code, detail = "request_differs", "Something else was asked for under this id before."


class AdjustStock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units that came (or, negative, went) otherwise than by an order, and why."""

    variant_id: UUID
    delta: Annotated[int, msgspec.Meta(ge=-MAX_STOCK, le=MAX_STOCK)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]


class StockLevel(msgspec.Struct, frozen=True):
    """`on_hand` is what lies on the shelf: `held` for orders, and `available`."""

    variant_id: UUID
    on_hand: int
    held: int
    available: int


class StockMovement(msgspec.Struct, frozen=True):
    """A change of what is on hand; `by` is the admin who made it, `order_id` the order that did."""

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
    """How many units are held, and the offer as it was when they were: the order is made with its name and price."""

    quantity: int


class Held(msgspec.Struct, frozen=True):
    lines: list[HeldLine]
