"""Wire types of the notification service: emails, the delivery log and a user's email settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

#: Templates that an admin or another service can send.
Template = Literal[
    "order_confirmation",
    "shipped",
    "delivered",
    "cancelled",
    "refunded",
    "welcome",
    "address_taken",
    "password_changed",
    "message",
    "marketing",
]
#: All templates. The added ones carry a secret link, so only an event can trigger them.
AnyTemplate = Literal[Template, "email_verification", "password_reset"]

#: `queued`: waiting for its first or next attempt. `failed`: given up, see `error`. `skipped`: not sent because the
#: recipient has turned such emails off or the email has become obsolete.
EmailStatus = Literal["queued", "sent", "failed", "skipped"]

MAX_TEXT = 50_000
MAX_HTML = 200_000

#: One header line: no control characters and no Unicode line separators. `(?!\n)`, because `$` also matches before a
#: newline at the end.
Subject = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$(?!\n)")
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
#: At most the length that RFC 5321 allows, without characters that could end a header or an envelope. The service
#: validates it further (`serai.notification.domain.is_address`).
EmailAddress = Annotated[
    str, msgspec.Meta(min_length=3, max_length=254, pattern=r"^[^\s\x00-\x1f\x7f<>,;]+@[^\s@<>,;]+$(?!\n)")
]
#: A BCP 47 language tag.
Locale = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)")]


class EmailRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """An email to send: `template` and its `data`, or `subject` and `text`. `html` replaces the shop's layout.

    Other services send this form, whose unknown fields are ignored.
    """

    to: EmailAddress
    template: Template | None = None
    data: dict[str, Any] | None = None
    subject: Subject | None = None
    text: Text | None = None
    html: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_HTML)] | None = None


class CreateEmail(EmailRequest, frozen=True, forbid_unknown_fields=True):
    """An email to send: `template` and its `data`, or `subject` and `text`. `html` replaces the shop's layout."""


class EmailAccepted(msgspec.Struct, frozen=True):
    id: UUID
    status: EmailStatus


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the delivery log. `to` and `subject` are null until the email has been composed."""

    id: UUID
    to: str | None
    template: AnyTemplate
    subject: str | None
    status: EmailStatus
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    error: str | None


class NotificationDetails(Notification, frozen=True, kw_only=True):
    """An entry of the delivery log with the email as composed for the latest attempt, its secret links hidden.

    The content is null before the first attempt and after 90 days.
    """

    headers: dict[str, str] | None
    text: str | None
    html: str | None


class NotificationSettings(msgspec.Struct, frozen=True):
    """Which emails a user receives. Emails about payments, refunds and the account are always sent."""

    order_updates: bool
    shipping_updates: bool
    marketing: bool
    locale: Locale


class UpdateNotificationSettings(NotificationSettings, frozen=True, forbid_unknown_fields=True):
    """The settings as a client sends them."""
