"""Rules about the lines of a cart. Pure: each function takes lines and returns lines, or raises."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id

MAX_LINES = 100
MAX_QUANTITY = 999

#: A guest's cart that was not changed for this long is deleted. The cookie lives as long.
GUEST_LIFE = timedelta(days=30)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class CartFull(Conflict):
    code, detail = "cart_full", f"A cart can have at most {MAX_LINES} different items."


@dataclass(frozen=True, slots=True)
class Line:
    id: UUID
    product_id: UUID
    variant_id: UUID
    quantity: int


Lines = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CartState:
    """A cart as it was read; `id` is None if there is none yet."""

    id: UUID | None = None
    version: int = 0
    lines: Lines = ()
    updated_at: datetime | None = None


NO_CART = CartState()


def guest_hash(token: str | None) -> bytes | None:
    """The hash under which a guest's cart is stored; None for a malformed token."""
    if token is None or _TOKEN.fullmatch(token) is None:
        return None
    return hashlib.sha256(token.encode()).digest()


def quantity_of(lines: Lines, variant_id: UUID) -> int:
    return next((line.quantity for line in lines if line.variant_id == variant_id), 0)


def added(lines: Lines, product_id: UUID, variant_id: UUID, quantity: int) -> Lines:
    """Add a variant to its line or as a new one. Raises `Invalid` beyond 999 of one variant, `CartFull` beyond 100
    lines."""
    total = quantity_of(lines, variant_id) + quantity
    if total > MAX_QUANTITY:
        raise Invalid(f"A cart can have at most {MAX_QUANTITY} of one item.", field="quantity")
    if any(line.variant_id == variant_id for line in lines):
        return tuple(replace(line, quantity=total) if line.variant_id == variant_id else line for line in lines)
    if len(lines) >= MAX_LINES:
        raise CartFull
    return (*lines, Line(new_id(), product_id, variant_id, quantity))


def line_of(lines: Lines, line_id: UUID) -> Line:
    """Raises `NotFound`."""
    for line in lines:
        if line.id == line_id:
            return line
    raise NotFound


def changed(lines: Lines, line_id: UUID, quantity: int) -> Lines:
    """Set the quantity of a line; 0 removes it. Raises `NotFound`."""
    line_of(lines, line_id)
    return tuple(
        replace(line, quantity=quantity) if line.id == line_id else line
        for line in lines
        if line.id != line_id or quantity
    )


def merged(customer_lines: Lines, guest_lines: Lines, available: Mapping[UUID, int]) -> Lines:
    """A guest's lines added to a customer's, limited to 999 per line and to the stock.

    No quantity of the customer is reduced, even if it exceeds the limits. A line that is sold out keeps the larger of
    the two quantities, so that its owner sees that it is gone. Guest lines beyond 100 are dropped, the last ones first.
    """
    result = {line.variant_id: line for line in customer_lines}
    for line in guest_lines:
        existing = result.get(line.variant_id)
        if existing is None and len(result) >= MAX_LINES:
            continue
        quantity = existing.quantity if existing else 0
        stock = available.get(line.variant_id, MAX_QUANTITY)
        limit = min(stock, MAX_QUANTITY) if stock > 0 else max(quantity, line.quantity)
        total = max(quantity, min(quantity + line.quantity, limit))
        result[line.variant_id] = replace(existing or replace(line, id=new_id()), quantity=total)
    return tuple(result.values())
