"""Orders as their buyers and admins see them, and figures about them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from serai.commerce.address import Address
from serai.commerce.forms import DiscountOut, LineOut, TaxLineOut
from serai.commerce.money import Money
from serai.contracts.order.fulfilment import Fulfilment

OrderStatus = Literal[
    "pending",
    "awaiting_payment",
    "paid",
    "shipped",
    "delivered",
    "rejected",
    "cancelled",
    "refunding",
    "refunded",
]


OrderPaymentStatus = Literal["unpaid", "processing", "paid", "partially_refunded", "refunded"]


OrderFulfilmentStatus = Literal["unfulfilled", "partial", "fulfilled"]


class OrderPayment(msgspec.Struct, frozen=True):
    id: UUID
    status: str
    checkout_url: str | None
    expires_at: datetime | None


class Shortage(msgspec.Struct, frozen=True):
    """How many units of a variant an order asked for, and how many there were."""

    variant_id: UUID
    requested: int
    available: int


class Failure(msgspec.Struct, frozen=True):
    """Why an order was rejected: the code that a refusal of `POST /api/orders` would have had. `items` are the variants
    that were short, for `out_of_stock`."""

    code: str
    items: list[Shortage]


class HistoryEntry(msgspec.Struct, frozen=True):
    status: OrderStatus
    at: datetime


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its owner and admins see it. Number and money are null until they are known."""

    id: UUID
    number: str | None
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfilment_status: OrderFulfilmentStatus
    items: list[LineOut]
    subtotal: Money | None
    discounts: list[DiscountOut]
    shipping: Money | None
    shipping_method: str | None
    tax: Money | None
    tax_lines: list[TaxLineOut]
    prices_include_tax: bool
    total: Money | None
    refunded: Money | None
    email: str
    note: str | None
    fulfilments: list[Fulfilment]
    failure: Failure | None
    shipping_address: Address
    billing_address: Address | None
    payment: OrderPayment | None
    history: list[HistoryEntry]
    created_at: datetime
    updated_at: datetime


class DayStats(msgspec.Struct, frozen=True):
    """One day in UTC: orders paid on it, what they came to, and what was refunded on it."""

    day: date
    orders: int
    revenue: Money
    refunds: Money


class OrderStats(msgspec.Struct, frozen=True):
    items: list[DayStats]
    orders: int
    revenue: Money
    refunds: Money
