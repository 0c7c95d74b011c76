"""Accounts that an operator makes, without a request: the first admin of an installation."""

from __future__ import annotations

import secrets

from serai.chassis.data.database import Connection, Database
from serai.chassis.ids import new_id
from serai.user import domain, links, store
from serai.user.domain import Applicant
from serai.user.passwords import COMMON, Passwords


async def create_admin(database_url: str, email: str) -> str:
    """Make `email` an admin with a new password, which is returned and never seen again.

    An account that has the address already becomes an admin and its sessions end, so that whoever may have
    registered it before gains nothing.
    """
    password = secrets.token_urlsafe(18)
    who = domain.applicant(email, password, "Administrator", COMMON)
    passwords = Passwords()
    db = Database(database_url, size=1, name="serai-user-admin")
    await db.open()
    try:
        async with db.transaction() as tx:
            await ensure_account(tx, passwords, who, "admin")
        return password
    finally:
        await db.close()
        passwords.close()


async def ensure_account(tx: Connection, passwords: Passwords, who: Applicant, role: str) -> bool:
    """Make sure that the account exists, verified, with this role, and that this password opens it.

    Returns whether anything was changed. An account whose password or role changes loses its sessions.
    """
    known = await store.account_of_email(tx, who.email)
    if known is None:
        user_id = new_id()
        await store.add_account(tx, user_id, who, await passwords.hash(who.password), role)
        await store.set_verified(tx, user_id)
        return True
    user_id, password_hash = known
    found = await store.record(tx, user_id)
    assert found is not None
    as_wanted = found.role == role and not found.disabled and found.email_verified
    if as_wanted and await passwords.matches(who.password, password_hash):
        return False
    await store.reset_password(tx, user_id, await passwords.hash(who.password))
    await store.change_account(tx, user_id, role, disabled=False)
    await store.end_sessions(tx, user_id)
    await links.end(tx, user_id, "reset_password")
    return True
