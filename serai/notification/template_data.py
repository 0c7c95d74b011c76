"""The data of each email template: the `data` of an API request, or what `compose` builds for an event.

Stored data is read by older and newer instances, so the structs ignore unknown fields. The public API refuses unknown
fields by itself (see `serai.notification.actions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from serai.commerce.address import Address
from serai.commerce.money import Money
from serai.contracts.notification import Subject, Text

OrderNumber = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(max_length=200)]


class TemplateData(msgspec.Struct, frozen=True):
    """Base of the data of all templates."""


class Line(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    options: Annotated[dict[Name, Name], msgspec.Meta(max_length=20)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    total: Money


Lines = Annotated[list[Line], msgspec.Meta(min_length=1, max_length=200)]


class Discount(msgspec.Struct, frozen=True):
    """`amount` is positive: it is what the buyer saves."""

    name: Name
    amount: Money


class TaxLine(msgspec.Struct, frozen=True):
    name: Name
    amount: Money


class OrderConfirmation(TemplateData, frozen=True, kw_only=True):
    """`tax` is part of `total` and, where `prices_include_tax`, also part of the other amounts.

    `discount` is the sum of all discounts in emails that were queued before discounts had names; `discounts` replaces
    it.
    """

    order_id: UUID
    number: OrderNumber
    items: Lines
    subtotal: Money
    discount: Money | None = None
    discounts: Annotated[list[Discount], msgspec.Meta(max_length=100)] = []
    shipping: Money
    tax: Money
    tax_lines: Annotated[list[TaxLine], msgspec.Meta(max_length=100)] = []
    prices_include_tax: bool = False
    total: Money
    address: Address

    @property
    def discount_rows(self) -> list[Discount]:
        return self.discounts or ([Discount("Discount", self.discount)] if self.discount else [])

    @property
    def tax_rows(self) -> list[TaxLine]:
        return self.tax_lines or [TaxLine("Tax", self.tax)]


class Shipped(TemplateData, frozen=True, kw_only=True):
    order_id: UUID
    number: OrderNumber
    items: Lines
    tracking_number: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    address: Address


class Delivered(TemplateData, frozen=True, kw_only=True):
    order_id: UUID
    number: OrderNumber


class Cancelled(TemplateData, frozen=True, kw_only=True):
    order_id: UUID
    number: OrderNumber


class Refunded(TemplateData, frozen=True, kw_only=True):
    """`amount` is this refund and `refunded` the sum of all refunds of the order so far; `full` says that the order is
    refunded completely."""

    order_id: UUID
    number: OrderNumber | None = None
    amount: Money
    refunded: Money
    full: bool


class Welcome(TemplateData, frozen=True, kw_only=True):
    name: Name


class EmailVerification(TemplateData, frozen=True, kw_only=True):
    name: Name


class PasswordReset(TemplateData, frozen=True, kw_only=True):
    name: Name


class AddressTaken(TemplateData, frozen=True, kw_only=True):
    name: Name


class PasswordChanged(TemplateData, frozen=True, kw_only=True):
    name: Name
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class Message(TemplateData, frozen=True, kw_only=True):
    subject: Subject
    text: Text


class Marketing(TemplateData, frozen=True, kw_only=True):
    """Sent to `user_id` only, if the user has opted in and the recipient is still the user's address."""

    user_id: UUID
    subject: Subject
    text: Text


TEMPLATE_DATA: Mapping[str, type[TemplateData]] = {
    "order_confirmation": OrderConfirmation,
    "shipped": Shipped,
    "delivered": Delivered,
    "cancelled": Cancelled,
    "refunded": Refunded,
    "welcome": Welcome,
    "address_taken": AddressTaken,
    "email_verification": EmailVerification,
    "password_reset": PasswordReset,
    "password_changed": PasswordChanged,
    "message": Message,
    "marketing": Marketing,
}
