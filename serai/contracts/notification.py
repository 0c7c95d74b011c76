"""Mails and mail settings on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

#: What anybody who may send mails can ask for.
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
#: With those that carry a secret, which only an event can cause.
AnyTemplate = Literal[Template, "email_verification", "password_reset"]

#: `queued`: will be sent, or tried again. `failed`: given up; `error` says why. `skipped`: its reader does not want it,
#: or not any more.
MailStatus = Literal["queued", "sent", "failed", "skipped"]

MAX_TEXT = 50_000
MAX_HTML = 200_000

#: One line of a header: no control characters and none of Unicode's line ends. (`$` alone lets a last newline pass.)
Subject = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$(?!\n)")
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
#: RFC 5321's length, and nothing that could end a header or an envelope; the service looks closer.
MailAddress = Annotated[
    str, msgspec.Meta(min_length=3, max_length=254, pattern=r"^[^\s\x00-\x1f\x7f<>,;]+@[^\s@<>,;]+$(?!\n)")
]
#: A BCP 47 language tag.
Locale = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)")]


class EmailAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mail to send: either `template` with its `data`, or `subject` and `text`, with `html` to replace our layout."""

    to: MailAddress
    template: Template | None = None
    data: dict[str, Any] | None = None
    subject: Subject | None = None
    text: Text | None = None
    html: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_HTML)] | None = None


class EmailAccepted(msgspec.Struct, frozen=True):
    id: UUID
    status: MailStatus


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the delivery log. `to` and `subject` are null until the mail has been composed."""

    id: UUID
    to: str | None
    template: AnyTemplate
    subject: str | None
    status: MailStatus
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    error: str | None


class NotificationAsSent(Notification, frozen=True, kw_only=True):
    """With the mail as composed last, secret links hidden; its parts are null before that and once they are pruned."""

    headers: dict[str, str] | None
    text: str | None
    html: str | None


class NotificationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user wants to hear of, beside what is sent to everybody (see `serai.notification.domain.OBEYS`)."""

    order_updates: bool
    shipping_updates: bool
    marketing: bool
    locale: Locale
