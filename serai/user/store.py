"""All SQL statements of the user service, except those about links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from serai.chassis.auth.principal import SessionFacts
from serai.chassis.data.database import Connection
from serai.contracts.user import Session, User, UserContact, UserDetails
from serai.permissions import permissions_of
from serai.user.domain import (
    MAX_SESSIONS,
    PER_ACCOUNT,
    PER_ADDRESS,
    REFRESH_LIFE,
    SESSION_LIFE,
    NewAccount,
    PresentedToken,
)

#: Rows deleted per statement and call of `prune`.
_PRUNED = 5000


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """What a sign-in depends on. `user` and `password_hash` are None if there is no account with this address."""

    user: User | None
    password_hash: str | None
    disabled: bool
    #: Whether there has been a session of this account from this client address.
    known_address: bool
    account_level: float
    address_level: float


@dataclass(frozen=True, slots=True)
class StoredToken:
    token: PresentedToken
    session_id: UUID
    salt: bytes | None
    user: User
    now: datetime


async def add_account(tx: Connection, user_id: UUID, account: NewAccount, password_hash: str, role: str) -> bool:
    """False if the address is taken."""
    return (
        await tx.fetchval(
            """insert into account (id, email, name, role, password_hash) values ($1, $2, $3, $4, $5)
               on conflict (email) do nothing returning true""",
            user_id,
            account.email,
            account.name,
            role,
            password_hash,
        )
        is True
    )


async def note_address_taken(tx: Connection, email: str) -> UUID | None:
    """The owner of the address, or None if they were told within the last minute: nobody can flood their inbox."""
    found: UUID | None = await tx.fetchval(
        """update account set told_taken_at = now()
           where email = $1 and coalesce(told_taken_at < now() - interval '1 minute', true) returning id""",
        email,
    )
    return found


async def sign_in_facts(conn: Connection, email: str, account: str, address: str) -> SignInFacts:
    """`account` and `address` are the subjects under which failures are counted."""
    row = await conn.fetchrow(
        """select a.*,
                  exists (select 1 from session where user_id = a.id and client_address = $3) as known_address,
                  coalesce((select greatest(level - $4 * extract(epoch from now() - at)::float8, 0)
                            from sign_in_failures where subject = $2), 0) as account_level,
                  coalesce((select greatest(level - $5 * extract(epoch from now() - at)::float8, 0)
                            from sign_in_failures where subject = $3), 0) as address_level
           from (values (1)) one left join account a on a.email = $1""",
        email,
        account,
        address,
        PER_ACCOUNT.leak,
        PER_ADDRESS.leak,
    )
    assert row is not None
    return SignInFacts(
        user=None if row["id"] is None else _user(row),
        password_hash=row["password_hash"],
        disabled=bool(row["disabled"]),
        known_address=row["known_address"],
        account_level=row["account_level"],
        address_level=row["address_level"],
    )


async def count_failure(conn: Connection, account: str, address: str) -> None:
    """Count a failed sign-in for both subjects. Rows are locked in a fixed order, so that two calls cannot deadlock."""
    await conn.execute(
        """insert into sign_in_failures as f (subject, level)
           select subject, 1 from (values ($1, $3::float8), ($2, $4::float8)) one (subject, leak) order by subject
           on conflict (subject) do update
           set level = greatest(f.level - (case when f.subject = $1 then $3 else $4 end)
                                          * extract(epoch from now() - f.at)::float8, 0) + 1,
               at = now()""",
        account,
        address,
        PER_ACCOUNT.leak,
        PER_ADDRESS.leak,
    )


async def forget_failures(tx: Connection, account: str) -> None:
    await tx.execute("delete from sign_in_failures where subject = $1", account)


async def open_session(
    tx: Connection,
    session_id: UUID,
    user_id: UUID,
    password_hash: str,
    address: str,
    user_agent: str | None,
    token_hash: bytes,
) -> bool:
    """Start a session with its first refresh token, and end the oldest sessions beyond `MAX_SESSIONS`.

    False if the account was disabled or its password changed since the password was verified. The share lock
    serializes this with a password change, which therefore ends this session too.
    """
    opened = await tx.fetchval(
        """with active as (
             select id from account where id = $2 and password_hash = $3 and not disabled for share
           ), opened as (
             insert into session (id, user_id, client_address, user_agent, expires_at)
             select $1, active.id, $4, $5, now() + $7 from active returning id, expires_at
           )
           insert into refresh_token (hash, session_id, expires_at) select $6, id, expires_at from opened
           returning true""",
        session_id,
        user_id,
        password_hash,
        address,
        user_agent,
        token_hash,
        REFRESH_LIFE,
    )
    if opened is None:
        return False
    await tx.execute(
        """update session set ended_at = now() where id in (
             select id from session where user_id = $1 and ended_at is null
             order by created_at desc, id desc offset $2)""",
        user_id,
        MAX_SESSIONS,
    )
    return True


async def lock_token(tx: Connection, token_hash: bytes) -> StoredToken | None:
    """The token, locked: a concurrent request with the same token waits here and then sees it used."""
    row = await tx.fetchrow(
        """select t.used_at, t.expires_at, t.salt, s.id as session_id, clock_timestamp() as now,
                  s.ended_at is null and s.expires_at > now() and not a.disabled as session_active,
                  a.id, a.email, a.name, a.role, a.email_verified, a.created_at
           from refresh_token t join session s on s.id = t.session_id join account a on a.id = s.user_id
           where t.hash = $1 for update of t""",
        token_hash,
    )
    if row is None:
        return None
    return StoredToken(
        token=PresentedToken(row["used_at"], row["expires_at"], row["session_active"]),
        session_id=row["session_id"],
        salt=row["salt"],
        user=_user(row),
        now=row["now"],
    )


async def rotate(tx: Connection, session_id: UUID, used: bytes, salt: bytes, successor: bytes) -> None:
    await tx.execute(
        """with spent as (
             update refresh_token set used_at = clock_timestamp(), salt = $3 where hash = $2
           ), extended as (
             update session set last_seen_at = now(), expires_at = least(now() + $5, created_at + $6) where id = $1
             returning expires_at
           )
           insert into refresh_token (hash, session_id, expires_at) select $4, $1, expires_at from extended""",
        session_id,
        used,
        salt,
        successor,
        REFRESH_LIFE,
        SESSION_LIFE,
    )


async def sessions_of(conn: Connection, user_id: UUID, current: UUID, before: UUID | None, limit: int) -> list[Session]:
    """The active sessions of the user, newest first, started before `before`."""
    rows = await conn.fetch(
        """select id, created_at, last_seen_at, user_agent, id = $2 as current from session
           where user_id = $1 and ended_at is null and expires_at > now() and ($3::uuid is null or id < $3)
           order by id desc limit $4""",
        user_id,
        current,
        before,
        limit,
    )
    return [Session(**row) for row in rows]


async def end_session(conn: Connection, session_id: UUID) -> None:
    await conn.execute("update session set ended_at = now() where id = $1 and ended_at is null", session_id)


async def end_own_session(conn: Connection, user_id: UUID, session_id: UUID) -> bool:
    """False if the user has no such active session."""
    return (
        await conn.execute(
            """update session set ended_at = now()
               where id = $2 and user_id = $1 and ended_at is null and expires_at > now()""",
            user_id,
            session_id,
        )
        == "UPDATE 1"
    )


async def end_session_of_token(conn: Connection, token_hash: bytes) -> None:
    await conn.execute(
        """update session set ended_at = now()
           where ended_at is null and id = (select session_id from refresh_token where hash = $1)""",
        token_hash,
    )


async def end_sessions(tx: Connection, user_id: UUID, *, but: UUID | None = None) -> None:
    await tx.execute(
        "update session set ended_at = now() where user_id = $1 and ended_at is null and id is distinct from $2",
        user_id,
        but,
    )


async def session_facts(conn: Connection, session_id: UUID) -> SessionFacts | None:
    """The user of the session; None if it has ended or the user is disabled."""
    row = await conn.fetchrow(
        """select a.id, a.role, a.email, a.name from session s join account a on a.id = s.user_id
           where s.id = $1 and s.ended_at is null and s.expires_at > now() and not a.disabled""",
        session_id,
    )
    return None if row is None else SessionFacts(row["id"], row["role"], row["email"], row["name"])


async def user_in_session(conn: Connection, user_id: UUID, session_id: UUID) -> User | None:
    row = await conn.fetchrow(
        """select a.* from account a join session s on s.user_id = a.id
           where a.id = $1 and s.id = $2 and s.ended_at is null and s.expires_at > now() and not a.disabled""",
        user_id,
        session_id,
    )
    return None if row is None else _user(row)


async def record(conn: Connection, user_id: UUID) -> UserDetails | None:
    row = await conn.fetchrow("select * from account where id = $1", user_id)
    return None if row is None else _record(row)


async def contact(conn: Connection, user_id: UUID) -> UserContact | None:
    row = await conn.fetchrow("select id, email, name, disabled from account where id = $1", user_id)
    return None if row is None else UserContact(row["id"], row["email"], row["name"], row["disabled"])


async def records(conn: Connection, q: str | None, before: UUID | None, limit: int) -> list[UserDetails]:
    """Users whose address or name contains `q`, newest first, created before `before`."""
    pattern = None if q is None else f"%{_literal(q.lower())}%"
    rows = await conn.fetch(
        """select * from account
           where ($1::text is null or (email || ' ' || lower(name)) like $1) and ($2::uuid is null or id < $2)
           order by id desc limit $3""",
        pattern,
        before,
        limit,
    )
    return [_record(row) for row in rows]


async def rename(conn: Connection, user_id: UUID, name: str) -> None:
    await conn.execute("update account set name = $2, updated_at = now() where id = $1", user_id, name)


async def set_password_hash(tx: Connection, user_id: UUID, old: str, new: str) -> bool:
    """Replace the hash `old` by `new`. False if `old` is no longer the current hash."""
    return (
        await tx.execute(
            "update account set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2",
            user_id,
            old,
            new,
        )
        == "UPDATE 1"
    )


async def reset_password(tx: Connection, user_id: UUID, password_hash: str) -> str:
    """Set the password, and mark the address as verified, because the link was emailed to it. Returns the address."""
    email: str = await tx.fetchval(
        """update account set password_hash = $2, email_verified = true, updated_at = now() where id = $1
           returning email""",
        user_id,
        password_hash,
    )
    return email


async def set_verified(tx: Connection, user_id: UUID) -> None:
    await tx.execute("update account set email_verified = true, updated_at = now() where id = $1", user_id)


async def lock_admins(tx: Connection) -> set[UUID]:
    """All active admins, locked, so that two of them cannot remove each other concurrently."""
    rows = await tx.fetch("select id from account where role = 'admin' and not disabled order by id for no key update")
    return {row["id"] for row in rows}


async def change_account(tx: Connection, user_id: UUID, role: str | None, disabled: bool | None) -> UserDetails | None:
    row = await tx.fetchrow(
        """update account set role = coalesce($2, role), disabled = coalesce($3, disabled), updated_at = now()
           where id = $1 returning *""",
        user_id,
        role,
        disabled,
    )
    return None if row is None else _record(row)


async def account_of_email(tx: Connection, email: str) -> tuple[UUID, str] | None:
    """The account's id and password hash, locked."""
    row = await tx.fetchrow("select id, password_hash from account where email = $1 for no key update", email)
    return None if row is None else (row["id"], row["password_hash"])


async def prune(tx: Connection) -> None:
    """Delete tokens and sessions a day after they expired, and failures older than a day."""
    await tx.execute(
        """delete from refresh_token where hash in (
             select hash from refresh_token where expires_at < now() - interval '1 day'
             order by expires_at limit $1)""",
        _PRUNED,
    )
    await tx.execute(
        """delete from session where id in (
             select id from session where expires_at < now() - interval '1 day' order by expires_at limit $1)""",
        _PRUNED,
    )
    await tx.execute(
        """delete from sign_in_failures where subject in (
             select subject from sign_in_failures where at < now() - interval '1 day' order by at limit $1)""",
        _PRUNED,
    )


def _user(row: asyncpg.Record) -> User:
    return User(permissions=permissions_of(row["role"]), **_account(row))


def _record(row: asyncpg.Record) -> UserDetails:
    return UserDetails(disabled=row["disabled"], **_account(row))


def _account(row: asyncpg.Record) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "email", "name", "role", "email_verified", "created_at")}


def _literal(text: str) -> str:
    """`text` with the wildcards of LIKE escaped."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
