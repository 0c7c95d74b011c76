"""All SQL statements about emailed links, which verify an address or reset a password, and about requests for them.

Redeeming and deleting links locks the account first, so that of two concurrent requests with tokens of one account only
one succeeds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.chassis.data.database import Connection
from serai.user.domain import LEVEL_LEAK, LINK_LIFE, MAX_LINK_TOKENS, Purpose

#: Rows deleted per call of `prune`.
_PRUNED = 5000


@dataclass(frozen=True, slots=True)
class LinkRequest:
    purpose: Purpose
    email: str
    #: The level of recent emails for this purpose to this address.
    level: float


async def add_request(conn: Connection, purpose: Purpose, email: str) -> None:
    """Record that an email with a link was requested for this address. Repeated requests are merged. Whether there is
    an account is not looked up here."""
    await conn.execute(
        """insert into link_asked (purpose, subject, email) values ($1, $2, $3)
           on conflict (purpose, subject) do update set email = excluded.email""",
        purpose,
        hashlib.sha256(email.encode()).digest(),
        email,
    )


async def lock_due_requests(tx: Connection, limit: int) -> list[LinkRequest]:
    """Requests that may be answered now. Skips those that another instance has locked."""
    rows = await tx.fetch(
        """select purpose, email, greatest(level - $2 * extract(epoch from now() - at)::float8, 0) as level
           from link_asked where email is not null and due_at <= now()
           order by due_at limit $1 for update skip locked""",
        limit,
        LEVEL_LEAK,
    )
    return [LinkRequest(**row) for row in rows]


async def mark_answered(tx: Connection, request: LinkRequest, delay_s: float) -> None:
    """The request was answered, by an email or because there is no account; the next one is due after `delay_s`."""
    await tx.execute(
        """update link_asked set email = null, level = $3::float8 + 1, at = now(),
                  due_at = now() + make_interval(secs => $4)
           where purpose = $1 and subject = $2""",
        request.purpose,
        hashlib.sha256(request.email.encode()).digest(),
        request.level,
        delay_s,
    )


async def recipient_of(tx: Connection, request: LinkRequest) -> UUID | None:
    """The account that receives the email: not a disabled one, and not a verified one for a verification link."""
    found: UUID | None = await tx.fetchval(
        """select id from account
           where email = $1 and not disabled and ($2 = 'reset_password' or not email_verified)""",
        request.email,
        request.purpose,
    )
    return found


async def add(tx: Connection, link_id: UUID, user_id: UUID, purpose: Purpose) -> None:
    await tx.execute(
        "insert into link (id, user_id, purpose, life) values ($1, $2, $3, $4)",
        link_id,
        user_id,
        purpose,
        LINK_LIFE[purpose],
    )


async def add_token(tx: Connection, link_id: UUID, token_hash: bytes) -> datetime | None:
    """Add a valid token to the link, and delete its oldest ones beyond `MAX_LINK_TOKENS`. Returns when the token
    expires, or None if the link was used or has expired, or its user is disabled or already verified."""
    expires_at: datetime | None = await tx.fetchval(
        """with valid as (
             select l.id, l.life from link l join account a on a.id = l.user_id
             where l.id = $1 and l.created_at + l.life > now() and not a.disabled
               and (l.purpose = 'reset_password' or not a.email_verified)
             for no key update of l
           )
           insert into link_token (hash, link_id, expires_at) select $2, id, now() + life from valid
           returning expires_at""",
        link_id,
        token_hash,
    )
    await tx.execute(
        """delete from link_token where hash in (
             select hash from link_token where link_id = $1 order by created_at desc, hash offset $2)""",
        link_id,
        MAX_LINK_TOKENS,
    )
    return expires_at


async def user_of_token(conn: Connection, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """The user whose link the token is valid for."""
    found: UUID | None = await conn.fetchval(
        """select a.id from link_token t join link l on l.id = t.link_id join account a on a.id = l.user_id
           where t.hash = $1 and t.expires_at > now() and l.purpose = $2 and not a.disabled""",
        token_hash,
        purpose,
    )
    return found


async def redeem(tx: Connection, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """The user whose link the token is valid for, after deleting all links of the user for this purpose. Locks the
    account."""
    user_id = await user_of_token(tx, token_hash, purpose)
    if user_id is None:
        return None
    await tx.execute("select 1 from account where id = $1 for no key update", user_id)
    # Checked again: whoever held the lock may have redeemed it.
    if await user_of_token(tx, token_hash, purpose) is None:
        return None
    await delete_links(tx, user_id, purpose)
    return user_id


async def delete_links(tx: Connection, user_id: UUID, purpose: Purpose) -> None:
    await tx.execute("delete from link where user_id = $1 and purpose = $2", user_id, purpose)


async def prune(tx: Connection) -> None:
    """Delete links whose tokens have all expired, and requests older than a day, at most `_PRUNED` of each per call."""
    await tx.execute(
        """delete from link where id in (
             select id from link where created_at + 2 * life < now() order by created_at limit $1)""",
        _PRUNED,
    )
    await tx.execute(
        """delete from link_asked where (purpose, subject) in (
             select purpose, subject from link_asked
             where email is null and at < now() - interval '1 day' order by at limit $1)""",
        _PRUNED,
    )
