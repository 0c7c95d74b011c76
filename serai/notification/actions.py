"""The actions of the notification service: queue emails for events and requests, resend, change settings, prune."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.feed import Event
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Invalid, NotFound
from serai.chassis.http import body
from serai.chassis.ids import new_id
from serai.contracts.notification import EmailRequest, NotificationDetails, NotificationSettings
from serai.contracts.order.events import ORDER_CANCELLED, ORDER_DELIVERED, ORDER_PAID, ORDER_SHIPPED, OrderEvent
from serai.contracts.payment import REFUND_SUCCEEDED, RefundEvent
from serai.contracts.user import (
    ADDRESS_TAKEN,
    PASSWORD_CHANGED,
    PASSWORD_RESET_REQUESTED,
    USER_REGISTERED,
    VERIFICATION_REQUESTED,
    UserEvent,
)
from serai.notification import domain, store
from serai.notification.domain import GIVE_UP_AFTER, Setting
from serai.notification.template_data import TEMPLATE_DATA, Marketing, TemplateData

CONTENT_KEPT = timedelta(days=90)
#: Much longer than feeds keep events: the row of an email is what prevents a second one when a feed is read again.
LOG_KEPT = timedelta(days=400)

_TEMPLATE_OF_USER_EVENT: Mapping[str, str] = {
    USER_REGISTERED: "welcome",
    ADDRESS_TAKEN: "address_taken",
    PASSWORD_CHANGED: "password_changed",
    PASSWORD_RESET_REQUESTED: "password_reset",
    VERIFICATION_REQUESTED: "email_verification",
}
_TEMPLATE_OF_ORDER_EVENT: Mapping[str, str] = {
    ORDER_PAID: "order_confirmation",
    ORDER_SHIPPED: "shipped",
    ORDER_DELIVERED: "delivered",
    ORDER_CANCELLED: "cancelled",
}


class FeedConsumer:
    """Consumes the events of one feed, and wakes the worker after a commit that has queued an email."""

    def __init__(self, handle: Callable[[Connection, Event], Awaitable[bool]], wake: Callable[[], None]) -> None:
        """`handle` returns whether it has queued an email."""
        self._handle = handle
        self._wake = wake
        self._queued = False

    async def apply(self, tx: Connection, event: Event) -> None:
        self._queued |= await self._handle(tx, event)

    def committed(self) -> None:
        if self._queued:
            self._queued = False
            self._wake()


async def handle_user_event(tx: Connection, event: Event) -> bool:
    if (template := _TEMPLATE_OF_USER_EVENT.get(event.type)) is None:
        return False
    payload = msgspec.convert(event.data, UserEvent)
    data = {"at": event.time.isoformat()} if event.type == PASSWORD_CHANGED else {}
    await store.add(
        tx, event.id, template, data, event=event.type, user_id=payload.user_id, give_up_after=GIVE_UP_AFTER
    )
    return True


async def handle_order_event(tx: Connection, event: Event) -> bool:
    """Ignores orders without a number: they were rejected before the buyer heard of them."""
    if (template := _TEMPLATE_OF_ORDER_EVENT.get(event.type)) is None:
        return False
    payload = msgspec.convert(event.data, OrderEvent)
    if payload.number is None:
        return False
    await store.add(
        tx,
        event.id,
        template,
        {},
        event=event.type,
        user_id=payload.user_id,
        order_id=payload.order_id,
        give_up_after=GIVE_UP_AFTER,
    )
    return True


async def handle_payment_event(tx: Connection, event: Event) -> bool:
    if event.type != REFUND_SUCCEEDED:
        return False
    payload = msgspec.convert(event.data, RefundEvent)
    await store.add(
        tx,
        event.id,
        "refunded",
        msgspec.to_builtins({"amount": payload.amount, "refunded": payload.refunded, "full": payload.full}),
        event=event.type,
        user_id=payload.user_id,
        order_id=UUID(event.subject),
        give_up_after=GIVE_UP_AFTER,
    )
    return True


async def queue_email(
    database: Database, request: EmailRequest, idempotency: IdempotentRequest, *, refuse_unknown_fields: bool = False
) -> tuple[NotificationDetails, bool]:
    """Queue an email. Returns it, and whether this is a replay of an earlier request. Raises `Invalid`.

    `refuse_unknown_fields` makes unknown fields in the template's data invalid instead of dropping them.
    """
    data = _template_data(request, refuse_unknown_fields=refuse_unknown_fields)
    async with database.transaction() as tx:
        if (email_id := await idempotency.bound_resource(tx)) is not None:
            return await _logged(tx, UUID(email_id)), True
        new_email_id = new_id()
        await store.add(
            tx,
            new_email_id,
            request.template or "message",
            store.RequestedContent(msgspec.to_builtins(data), request.html).stored(),
            user_id=data.user_id if isinstance(data, Marketing) else None,
            recipient=request.to,
            give_up_after=GIVE_UP_AFTER,
        )
        await idempotency.bind(tx, new_email_id)
        return await _logged(tx, new_email_id), False


def _template_data(request: EmailRequest, *, refuse_unknown_fields: bool) -> TemplateData:
    """The validated data of the requested template. Raises `Invalid` that lists every problem."""
    errors = [] if domain.is_address(request.to) else [{"field": "to", "message": "is not a valid email address"}]
    template_fields, message_fields = ["data"], ["subject", "text"]
    if request.template:
        required, excluded = template_fields, [*message_fields, "html"]
    else:
        required, excluded = message_fields, template_fields
    errors += [{"field": name, "message": "is required"} for name in required if getattr(request, name) is None]
    errors += [
        {"field": name, "message": "cannot be combined: send either template and data, or subject and text"}
        for name in excluded
        if getattr(request, name) is not None
    ]
    data = request.data if request.template else {"subject": request.subject, "text": request.text}
    kind = TEMPLATE_DATA[request.template or "message"]
    if not errors:
        path = "data" if request.template else ""
        errors = body.problems(data, kind, path, refuse_unknown_fields=refuse_unknown_fields)
    if errors:
        raise Invalid(errors=errors)
    return msgspec.convert(data, kind)


async def resend(
    database: Database, email_id: UUID, idempotency: IdempotentRequest
) -> tuple[NotificationDetails, bool]:
    """Queue an email again under its own id. Returns it, and whether this is a replay of an earlier request. Raises
    `NotFound`."""
    async with database.transaction() as tx:
        replayed = await idempotency.bound_resource(tx) is not None
        if not replayed:
            if not await store.requeue(tx, email_id, GIVE_UP_AFTER):
                raise NotFound
            await idempotency.bind(tx, email_id)
        return await _logged(tx, email_id), replayed


async def _logged(conn: Connection, email_id: UUID) -> NotificationDetails:
    if (found := await store.logged(conn, email_id)) is None:
        raise NotFound
    return found


async def email(database: Database, email_id: UUID) -> NotificationDetails:
    """Raises `NotFound`."""
    async with database.connection() as conn:
        return await _logged(conn, email_id)


async def settings(database: Database, user_id: UUID) -> NotificationSettings:
    async with database.connection() as conn:
        return await store.settings_of(conn, user_id) or _default_settings()


async def update_settings(database: Database, user_id: UUID, settings: NotificationSettings) -> NotificationSettings:
    async with database.transaction() as tx:
        await store.lock_settings(tx, user_id)
        await store.save_settings(tx, user_id, settings)
    return settings


async def unsubscribe(database: Database, user_id: UUID, setting: Setting) -> None:
    async with database.transaction() as tx:
        current = await store.lock_settings(tx, user_id) or _default_settings()
        await store.save_settings(tx, user_id, msgspec.structs.replace(current, **{setting: False}))


def _default_settings() -> NotificationSettings:
    defaults = domain.DEFAULT_SETTINGS
    return NotificationSettings(
        order_updates=defaults["order_updates"],
        shipping_updates=defaults["shipping_updates"],
        marketing=defaults["marketing"],
        locale=domain.DEFAULT_LOCALE,
    )


async def prune(database: Database) -> None:
    """Delete the content of finished emails after 90 days, and their log entries after 400."""
    async with database.transaction() as tx:
        await store.prune_content(tx, CONTENT_KEPT)
        await store.prune_log(tx, LOG_KEPT)
