"""What each template needs to be filled: the `data` of a request, and what is composed from the facts of an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from serai.commerce.address import Address
from serai.commerce.money import Money
from serai.contracts.notification import Subject, Text

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(max_length=200)]


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the letters, all of which are shown in the shop's one layout."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    options: Annotated[dict[Name, Name], msgspec.Meta(max_length=20)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    total: Money


Lines = Annotated[list[Line], msgspec.Meta(min_length=1, max_length=200)]


class OrderConfirmation(Letter, frozen=True, kw_only=True):
    order_id: UUID
    number: Word
    items: Lines
    subtotal: Money
    discount: Money | None = None
    shipping: Money
    tax: Money
    total: Money
    address: Address


class Shipped(Letter, frozen=True, kw_only=True):
    order_id: UUID
    number: Word
    items: Lines
    tracking_number: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    address: Address


class Delivered(Letter, frozen=True, kw_only=True):
    order_id: UUID
    number: Word


class Cancelled(Letter, frozen=True, kw_only=True):
    order_id: UUID
    number: Word


class Refunded(Letter, frozen=True, kw_only=True):
    """`refunded` is all that went back so far; `full` says that nothing is left of what was paid."""

    order_id: UUID
    number: Word | None = None
    amount: Money
    refunded: Money
    full: bool


class Welcome(Letter, frozen=True, kw_only=True):
    name: Name


class EmailVerification(Letter, frozen=True, kw_only=True):
    name: Name


class PasswordReset(Letter, frozen=True, kw_only=True):
    name: Name


class AddressTaken(Letter, frozen=True, kw_only=True):
    name: Name


class PasswordChanged(Letter, frozen=True, kw_only=True):
    name: Name
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class Message(Letter, frozen=True, kw_only=True):
    subject: Subject
    text: Text


class Marketing(Letter, frozen=True, kw_only=True):
    """Goes to `user_id` only while that user wants marketing and still has the address it is sent to."""

    user_id: UUID
    subject: Subject
    text: Text


LETTERS: Mapping[str, type[Letter]] = {
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
