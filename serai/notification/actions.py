"""What others make this service do: take in an event, queue a mail, change a setting, send again."""

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
from serai.contracts.notification import EmailAsked, NotificationAsSent, NotificationSettings
from serai.contracts.order.events import ORDER_CANCELLED, ORDER_DELIVERED, ORDER_PAID, ORDER_SHIPPED, OrderEvent
from serai.contracts.payment import REFUND_SUCCEEDED, RefundEvent
from serai.contracts.user import (
    ADDRESS_TAKEN,
    PASSWORD_CHANGED,
    PASSWORD_FORGOTTEN,
    USER_REGISTERED,
    VERIFICATION_ASKED,
    UserEvent,
)
from serai.notification import domain, letters, store
from serai.notification.domain import GIVE_UP_AFTER, Setting

CONTENT_KEPT = timedelta(days=90)
#: Far longer than events are kept, so that a feed read again from its beginning finds every mail it has caused.
LOG_KEPT = timedelta(days=400)

_ABOUT_USERS: Mapping[str, str] = {
    USER_REGISTERED: "welcome",
    ADDRESS_TAKEN: "address_taken",
    PASSWORD_CHANGED: "password_changed",
    PASSWORD_FORGOTTEN: "password_reset",
    VERIFICATION_ASKED: "email_verification",
}
_ABOUT_ORDERS: Mapping[str, str] = {
    ORDER_PAID: "order_confirmation",
    ORDER_SHIPPED: "shipped",
    ORDER_DELIVERED: "delivered",
    ORDER_CANCELLED: "cancelled",
}


class Intake:
    """Takes in the events of one feed. Most are nothing to write about, and only a queued mail wakes the sender."""

    def __init__(self, take_in: Callable[[Connection, Event], Awaitable[bool]], wake: Callable[[], None]) -> None:
        """`take_in` says whether it has queued a mail."""
        self._take_in = take_in
        self._wake = wake
        self._queued = False

    async def apply(self, tx: Connection, event: Event) -> None:
        self._queued |= await self._take_in(tx, event)

    def committed(self) -> None:
        if self._queued:
            self._queued = False
            self._wake()


async def take_in_user_event(tx: Connection, event: Event) -> bool:
    if (template := _ABOUT_USERS.get(event.type)) is None:
        return False
    told = msgspec.convert(event.data, UserEvent)
    facts = {"at": event.time.isoformat()} if event.type == PASSWORD_CHANGED else {}
    await store.add(tx, event.id, template, facts, event=event.type, user_id=told.user_id, give_up_after=GIVE_UP_AFTER)
    return True


async def take_in_order_event(tx: Connection, event: Event) -> bool:
    """An order without a number was never more than an attempt: nobody is written about it."""
    if (template := _ABOUT_ORDERS.get(event.type)) is None:
        return False
    told = msgspec.convert(event.data, OrderEvent)
    if told.number is None:
        return False
    await store.add(
        tx,
        event.id,
        template,
        {},
        event=event.type,
        user_id=told.user_id,
        order_id=told.order_id,
        give_up_after=GIVE_UP_AFTER,
    )
    return True


async def take_in_payment_event(tx: Connection, event: Event) -> bool:
    if event.type != REFUND_SUCCEEDED:
        return False
    told = msgspec.convert(event.data, RefundEvent)
    await store.add(
        tx,
        event.id,
        "refunded",
        msgspec.to_builtins({"amount": told.amount, "refunded": told.refunded, "full": told.full}),
        event=event.type,
        user_id=told.user_id,
        order_id=UUID(event.subject),
        give_up_after=GIVE_UP_AFTER,
    )
    return True


async def queue_mail(db: Database, asked: EmailAsked, once: IdempotentRequest) -> tuple[NotificationAsSent, bool]:
    """Queue what was asked for; also whether this key had done so before. Raises `Invalid`."""
    letter = _letter(asked)
    async with db.transaction() as tx:
        if (made := await once.bound_resource(tx)) is not None:
            return await _logged(tx, UUID(made)), True
        mail_id = new_id()
        await store.add(
            tx,
            mail_id,
            asked.template or "message",
            {"letter": msgspec.to_builtins(letter), "html": asked.html},
            user_id=letter.user_id if isinstance(letter, letters.Marketing) else None,
            recipient=asked.to,
            give_up_after=GIVE_UP_AFTER,
        )
        await once.bind(tx, mail_id)
        return await _logged(tx, mail_id), False


def _letter(asked: EmailAsked) -> letters.Letter:
    """The letter that was asked for. Raises `Invalid` with everything that is wrong with it."""
    errors = (
        [] if domain.is_address(asked.to) else [{"field": "to", "message": "is not an address mail can be sent to"}]
    )
    of_template, of_own = ["data"], ["subject", "text"]
    needed, left_out = (of_template, [*of_own, "html"]) if asked.template else (of_own, of_template)
    errors += [{"field": name, "message": "is required"} for name in needed if getattr(asked, name) is None]
    errors += [
        {"field": name, "message": "goes with the other kind of mail: give template and data, or subject and text"}
        for name in left_out
        if getattr(asked, name) is not None
    ]
    data = asked.data if asked.template else {"subject": asked.subject, "text": asked.text}
    kind = letters.LETTERS[asked.template or "message"]
    if not errors:
        errors = body.problems(data, kind, "data" if asked.template else "")
    if errors:
        raise Invalid(errors=errors)
    return msgspec.convert(data, kind)


async def send_again(db: Database, mail_id: UUID, once: IdempotentRequest) -> tuple[NotificationAsSent, bool]:
    """Queue a mail once more, under its id; also whether this key had done so before. Raises `NotFound`."""
    async with db.transaction() as tx:
        repeated = await once.bound_resource(tx) is not None
        if not repeated:
            if not await store.revive(tx, mail_id, GIVE_UP_AFTER):
                raise NotFound
            await once.bind(tx, mail_id)
        return await _logged(tx, mail_id), repeated


async def _logged(conn: Connection, mail_id: UUID) -> NotificationAsSent:
    if (found := await store.logged(conn, mail_id)) is None:
        raise NotFound
    return found


async def mail(db: Database, mail_id: UUID) -> NotificationAsSent:
    """Raises `NotFound`."""
    async with db.connection() as conn:
        return await _logged(conn, mail_id)


async def settings(db: Database, user_id: UUID) -> NotificationSettings:
    async with db.connection() as conn:
        return await store.settings_of(conn, user_id) or _defaults()


async def change_settings(db: Database, user_id: UUID, wanted: NotificationSettings) -> NotificationSettings:
    async with db.transaction() as tx:
        await store.lock_settings(tx, user_id)
        await store.save_settings(tx, user_id, wanted)
    return wanted


async def unsubscribe(db: Database, user_id: UUID, setting: Setting) -> None:
    async with db.transaction() as tx:
        current = await store.lock_settings(tx, user_id) or _defaults()
        await store.save_settings(tx, user_id, msgspec.structs.replace(current, **{setting: False}))


def _defaults() -> NotificationSettings:
    off_or_on = domain.DEFAULT_SETTINGS
    return NotificationSettings(
        order_updates=off_or_on["order_updates"],
        shipping_updates=off_or_on["shipping_updates"],
        marketing=off_or_on["marketing"],
        locale=domain.DEFAULT_LOCALE,
    )


async def prune(db: Database) -> None:
    """Forget what mails said after 90 days, and that they were sent after 400."""
    async with db.transaction() as tx:
        await store.prune_content(tx, CONTENT_KEPT)
        await store.prune_log(tx, LOG_KEPT)
