"""All SQL statements of the notification service."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis import tracing
from serai.chassis.data.database import Connection
from serai.contracts.notification import EmailStatus, Notification, NotificationDetails, NotificationSettings


class ClaimedEmail(msgspec.Struct, frozen=True):
    """An email that one worker has claimed.

    `facts` is stored data: what `compose` needs beside the order and the user. `attempts` includes the attempt that
    the claim begins. `overdue` says that this attempt is the last one.
    """

    id: UUID
    template: str
    event: str | None
    user_id: UUID | None
    order_id: UUID | None
    facts: dict[str, Any]
    recipient: str | None
    attempts: int
    refusals: int
    overdue: bool
    epoch: int
    traceparent: str | None


class RequestedContent(msgspec.Struct, frozen=True):
    """The content of an email that was requested over the API, as stored in `mail.facts`.

    `data` is the template's data, `html` replaces the rendered HTML part. The stored name of `data` is `letter`.
    """

    data: dict[str, Any] = msgspec.field(name="letter")
    html: str | None = None

    @classmethod
    def of(cls, facts: dict[str, Any]) -> RequestedContent:
        return msgspec.convert(facts, cls)

    def stored(self) -> dict[str, Any]:
        stored: dict[str, Any] = msgspec.to_builtins(self)
        return stored


class EmailContent(msgspec.Struct, frozen=True):
    """An email as composed for one attempt, without its secret link."""

    recipient: str
    subject: str
    headers: dict[str, str]
    text: str
    html: str


async def add(
    tx: Connection,
    email_id: UUID,
    template: str,
    facts: dict[str, Any],
    *,
    event: str | None = None,
    user_id: UUID | None = None,
    order_id: UUID | None = None,
    recipient: str | None = None,
    give_up_after: timedelta,
) -> None:
    """Queue an email. Does nothing if there is one with this id already."""
    await tx.execute(
        """insert into mail (id, template, event, user_id, order_id, facts, recipient, give_up_at, traceparent)
           values ($1, $2, $3, $4, $5, $6, $7, now() + $8, $9) on conflict (id) do nothing""",
        email_id,
        template,
        event,
        user_id,
        order_id,
        facts,
        recipient,
        give_up_after,
        tracing.traceparent(),
    )


async def claim(conn: Connection, limit: int, lease_s: float) -> list[ClaimedEmail]:
    """Claim the emails that have been due longest, at most `limit`, for `lease_s` seconds."""
    rows = await conn.fetch(
        """update mail set attempts = attempts + 1, epoch = epoch + 1, lease_until = now() + make_interval(secs => $2)
           where id in (select id from mail where status = 'queued' and next_at <= now()
                          and (lease_until is null or lease_until < now())
                        order by next_at limit $1 for update skip locked)
           returning id, template, event, user_id, order_id, facts, recipient, attempts, refusals, epoch, traceparent,
                     give_up_at <= now() as overdue""",
        limit,
        lease_s,
    )
    return [ClaimedEmail(**row) for row in rows]


async def finish(
    conn: Connection,
    email: ClaimedEmail,
    status: EmailStatus,
    *,
    error: str | None,
    refusals: int,
    delay_s: float = 0.0,
    content: EmailContent | None = None,
) -> bool:
    """Record the result of an attempt and the content composed for it in one statement.

    False, and nothing recorded, if another worker has claimed the email meanwhile.
    """
    recorded: int | None = await conn.fetchval(
        """with attempted as (
             update mail set status = $3, error = $4, refusals = $5, lease_until = null,
                    next_at = now() + make_interval(secs => $6), sent_at = case when $3 = 'sent' then now() end,
                    recipient = coalesce($7, recipient), subject = coalesce($8, subject)
             where id = $1 and epoch = $2 and status = 'queued' returning id),
           kept as (
             insert into mail_content (mail_id, headers, text, html) select id, $9, $10, $11 from attempted
             where $9::jsonb is not null
             on conflict (mail_id) do update set headers = $9, text = $10, html = $11, created_at = now())
           select 1 from attempted""",
        email.id,
        email.epoch,
        status,
        error,
        refusals,
        delay_s,
        *((content.recipient, content.subject, content.headers, content.text, content.html) if content else [None] * 5),
    )
    return recorded is not None


async def requeue(tx: Connection, email_id: UUID, give_up_after: timedelta) -> bool:
    """Queue an email again with all its attempts ahead; one that is still queued becomes due now. False if there is no
    such email."""
    result = await tx.execute(
        """update mail set next_at = now(), give_up_at = now() + $2::interval, refusals = 0,
                  attempts = case when status = 'queued' then attempts else 0 end,
                  lease_until = case when status = 'queued' then lease_until end,
                  error = case when status = 'queued' then error end,
                  status = 'queued', sent_at = null
           where id = $1""",
        email_id,
        give_up_after,
    )
    return result == "UPDATE 1"


_LOG_COLUMNS = 'id, recipient as "to", template, subject, status, attempts, mail.created_at, sent_at, error'


async def log(
    conn: Connection, status: str | None, to: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Notification]:
    """The delivery log, newest first. `after` is the (created_at, id) of the last entry of the previous page."""
    created_at, email_id = after or (None, None)
    rows = await conn.fetch(
        f"""select {_LOG_COLUMNS} from mail
            where ($1::text is null or status = $1)
              and ($2::text is null or lower(recipient) = lower($2))
              and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
            order by created_at desc, id desc limit $5""",
        status,
        to,
        created_at,
        email_id,
        limit,
    )
    return [Notification(**row) for row in rows]


async def logged(conn: Connection, email_id: UUID) -> NotificationDetails | None:
    row = await conn.fetchrow(
        f"""select {_LOG_COLUMNS}, headers, text, html from mail left join mail_content on mail_id = id
            where id = $1""",
        email_id,
    )
    return None if row is None else NotificationDetails(**row)


async def settings_of(conn: Connection, user_id: UUID) -> NotificationSettings | None:
    row = await conn.fetchrow(
        "select order_updates, shipping_updates, marketing, locale from preference where user_id = $1", user_id
    )
    return None if row is None else NotificationSettings(**row)


async def lock_settings(tx: Connection, user_id: UUID) -> NotificationSettings | None:
    """Returns the settings and locks them until the end of the transaction, also for a user who has none yet."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", str(user_id))
    return await settings_of(tx, user_id)


async def save_settings(tx: Connection, user_id: UUID, settings: NotificationSettings) -> None:
    await tx.execute(
        """insert into preference (user_id, order_updates, shipping_updates, marketing, locale)
           values ($1, $2, $3, $4, $5)
           on conflict (user_id) do update set order_updates = $2, shipping_updates = $3, marketing = $4, locale = $5,
                  updated_at = now()""",
        user_id,
        settings.order_updates,
        settings.shipping_updates,
        settings.marketing,
        settings.locale,
    )


async def counts(conn: Connection) -> list[asyncpg.Record]:
    """(template, status, count) of the queued and the failed emails."""
    return await conn.fetch(
        """select template, status, count(*) from mail where status in ('queued', 'failed')
           group by template, status"""
    )


async def prune_content(tx: Connection, older_than: timedelta) -> None:
    """Delete the content of finished emails, at most 1000 per call."""
    await tx.execute(
        """with old as (select mail_id from mail_content join mail on id = mail_id
                        where mail_content.created_at < now() - $1::interval and status <> 'queued' limit 1000),
                cleared as (update mail set facts = '{}' from old where id = mail_id and event is null)
           delete from mail_content using old where mail_content.mail_id = old.mail_id""",
        older_than,
    )


async def prune_log(tx: Connection, older_than: timedelta) -> None:
    """Delete log entries of finished emails, at most 1000 per call."""
    await tx.execute(
        """delete from mail where id in (select id from mail where created_at < now() - $1::interval
                                           and status <> 'queued' order by created_at limit 1000)""",
        older_than,
    )
