"""Creates the accounts of the demo's admin and customers."""

from __future__ import annotations

from serai.chassis.data.database import Database
from serai.user import domain
from serai.user.passwords import COMMON, Passwords
from serai.user.provisioning import ensure_account

_NAMES = {"admin": "Noor Haddad", "ada": "Ada Okafor", "grace": "Grace Lindqvist"}


async def add_accounts(database_url: str, logins: list[dict[str, str]]) -> int:
    """Create or update the demo accounts of `logins` ("role", "email", "password").

    Returns how many were created or changed; a second run changes none.
    """
    passwords = Passwords()
    db = Database(database_url, size=1, name="serai-seed")
    await db.open()
    try:
        changed = 0
        async with db.transaction() as tx:
            for login in logins:
                local = domain.normalize_email(login["email"]).partition("@")[0]
                name = _NAMES.get(local, local.replace(".", " ").title())
                account = domain.new_account(login["email"], login["password"], name, COMMON)
                changed += await ensure_account(tx, passwords, account, login["role"])
        return changed
    finally:
        await db.close()
        passwords.close()
