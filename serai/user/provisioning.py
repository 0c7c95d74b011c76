"""Accounts that an operator makes, without a request: the first admin of an installation."""

from __future__ import annotations

import secrets

from serai.chassis.data.database import Connection, Database
from serai.chassis.ids import new_id
from serai.user import domain, links, store
from serai.user.domain import NewAccount
from serai.user.passwords import COMMON, Passwords


async def create_admin(database_url: str, email: str) -> str:
    """Make `email` an admin with a new password. Returns the password, which is not stored.

    If there is an account with this address, its sessions end, so that somebody who has registered it before has no
    access.
    """
    password = secrets.token_urlsafe(18)
    account = domain.new_account(email, password, "Administrator", COMMON)
    passwords = Passwords()
    database = Database(database_url, size=1, name="serai-user-admin")
    await database.open()
    try:
        async with database.transaction() as tx:
            await ensure_account(tx, passwords, account, "admin")
        return password
    finally:
        await database.close()
        passwords.close()


async def ensure_account(tx: Connection, passwords: Passwords, account: NewAccount, role: str) -> bool:
    """Create the account, or update it to this password and role. Returns whether anything changed.

    The address counts as verified, because an operator has chosen it.
    """
    existing = await store.account_of_email(tx, account.email)
    if existing is None:
        user_id = new_id()
        await store.add_account(tx, user_id, account, await passwords.hash(account.password), role)
        await store.set_verified(tx, user_id)
        return True
    user_id, password_hash = existing
    found = await store.record(tx, user_id)
    assert found is not None
    is_current = found.role == role and not found.disabled and found.email_verified
    if is_current and await passwords.matches(account.password, password_hash):
        return False
    await store.reset_password(tx, user_id, await passwords.hash(account.password))
    await store.change_account(tx, user_id, role, disabled=False)
    await store.end_sessions(tx, user_id)
    await links.delete_links(tx, user_id, "reset_password")
    return True
