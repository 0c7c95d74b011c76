"""Orders on the wire, and what the order service tells. Nobody calls it but readers of its events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.commerce.address import Address, AddressIn
from serai.commerce.forms import DiscountOut, LineOut, PricedOut, TaxLineOut
from serai.commerce.money import Money, MoneyIn

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

#: Event types; the subject is the order's id.
ORDER_PLACED = "order.placed"
ORDER_PAID = "order.paid"
ORDER_SHIPPED = "order.shipped"
ORDER_DELIVERED = "order.delivered"
ORDER_CANCELLED = "order.cancelled"
ORDER_REJECTED = "order.rejected"
ORDER_REFUNDED = "order.refunded"


class OrderPayment(msgspec.Struct, frozen=True):
    id: UUID
    status: str
    checkout_url: str | None
    expires_at: datetime | None


class FulfilmentItem(msgspec.Struct, frozen=True):
    line_id: UUID
    variant_id: UUID
    quantity: int


class Fulfilment(msgspec.Struct, frozen=True):
    items: list[FulfilmentItem]
    tracking_number: str | None
    shipped_at: datetime


class Failure(msgspec.Struct, frozen=True):
    """Why an order was rejected: the code and facts that a refusal of `POST /api/orders` would have had."""

    code: str
    items: list[dict[str, Any]]


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


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller's whole cart, to this address. `expected_total` is what the buyer was shown."""

    shipping_address: AddressIn
    billing_address: AddressIn | None = None
    shipping_method: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    expected_total: MoneyIn | None = None
    note: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `PlaceOrder` takes; the address may still be missing."""

    shipping_address: AddressIn | None = None
    billing_address: AddressIn | None = None
    shipping_method: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    expected_total: MoneyIn | None = None
    note: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class ShippingOption(msgspec.Struct, frozen=True):
    id: str
    name: str
    price: Money


class Quote(PricedOut, frozen=True, kw_only=True):
    """What an order of the caller's cart would cost, and the methods by which it could be shipped."""

    shipping_methods: list[ShippingOption]


class UpdateOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["shipped", "delivered"]
    tracking_number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


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


class OrderEvent(msgspec.Struct, frozen=True):
    """Payload of every order event. `number` is null for an order that never got one."""

    order_id: UUID
    user_id: UUID
    number: str | None


class OrderForMail(msgspec.Struct, frozen=True):
    """An order for those who write to its buyer."""

    user_id: UUID
    order: Order


class OrderClient(ServiceClient):
    callee = "order"

    async def order(self, order_id: UUID) -> OrderForMail:
        """Raises `NotFound`."""
        return await self._call("order", "GET", f"/internal/orders/{order_id}", OrderForMail, retryable=True)
