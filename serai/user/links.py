"""Every statement about the links in mails that prove an address or let somebody set a new password.

Whoever spends a link or ends links locks the account first, so that of two who show a token of one account at the same
moment the second finds the account without it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from serai.chassis.data.database import Connection
from serai.user.domain import LEVEL_LEAK, LINK_LIFE, MAX_LINK_TOKENS, Purpose

#: Rows removed by one round of pruning.
_PRUNED = 5000


@dataclass(frozen=True, slots=True)
class Asked:
    purpose: Purpose
    email: str
    #: How many such mails went to this address lately.
    level: float


async def ask(conn: Connection, purpose: Purpose, email: str) -> None:
    """Note that a mail is wanted at this address, once however often that is said. Knows of no account."""
    await conn.execute(
        """insert into link_asked (purpose, subject, email) values ($1, $2, $3)
           on conflict (purpose, subject) do update set email = excluded.email""",
        purpose,
        hashlib.sha256(email.encode()).digest(),
        email,
    )


async def take_due(tx: Connection, limit: int) -> list[Asked]:
    """What may be answered now, locked; what another replica has in hand is left to it."""
    rows = await tx.fetch(
        """select purpose, email, greatest(level - $2 * extract(epoch from now() - at)::float8, 0) as level
           from link_asked where email is not null and due_at <= now()
           order by due_at limit $1 for update skip locked""",
        limit,
        LEVEL_LEAK,
    )
    return [Asked(**row) for row in rows]


async def answered(tx: Connection, asked: Asked, pause_s: float) -> None:
    """The mail is on its way, or there is nobody to write to; the next one goes after the pause."""
    await tx.execute(
        """update link_asked set email = null, level = $3::float8 + 1, at = now(),
                  due_at = now() + make_interval(secs => $4)
           where purpose = $1 and subject = $2""",
        asked.purpose,
        hashlib.sha256(asked.email.encode()).digest(),
        asked.level,
        pause_s,
    )


async def addressee(tx: Connection, asked: Asked) -> UUID | None:
    found: UUID | None = await tx.fetchval(
        """select id from account
           where email = $1 and not disabled and ($2 = 'reset_password' or not email_verified)""",
        asked.email,
        asked.purpose,
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
    """Let one more token open the link, and forget the oldest beyond the most it may have. Until when it does; None
    when nobody waits for the link any more."""
    expires_at: datetime | None = await tx.fetchval(
        """with live as (
             select l.id, l.life from link l join account a on a.id = l.user_id
             where l.id = $1 and l.created_at + l.life > now() and not a.disabled
               and (l.purpose = 'reset_password' or not a.email_verified)
             for no key update of l
           )
           insert into link_token (hash, link_id, expires_at) select $2, id, now() + life from live
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


async def opens(conn: Connection, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """Whose account the token opens, as things stand."""
    found: UUID | None = await conn.fetchval(
        """select a.id from link_token t join link l on l.id = t.link_id join account a on a.id = l.user_id
           where t.hash = $1 and t.expires_at > now() and l.purpose = $2 and not a.disabled""",
        token_hash,
        purpose,
    )
    return found


async def spend(tx: Connection, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """Whose account the token opened: it, and every other link of its purpose, does so no more. Locks the account."""
    user_id = await opens(tx, token_hash, purpose)
    if user_id is None:
        return None
    await tx.execute("select 1 from account where id = $1 for no key update", user_id)
    # Asked again, because the one who held the lock may have spent it.
    if await opens(tx, token_hash, purpose) is None:
        return None
    await end(tx, user_id, purpose)
    return user_id


async def end(tx: Connection, user_id: UUID, purpose: Purpose) -> None:
    await tx.execute("delete from link where user_id = $1 and purpose = $2", user_id, purpose)


async def prune(tx: Connection) -> None:
    """Forget links that no token opens any more and addresses that nobody asked for lately, a bounded number at a
    time."""
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
