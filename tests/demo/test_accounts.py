"""The demo accounts."""

from __future__ import annotations

from collections.abc import Callable

from serai.demo.accounts import add_accounts
from tests.user.conftest import room


async def test_demo_accounts_are_created_once_and_can_sign_in(database: Callable[[str], str]) -> None:
    logins = [
        {"role": "admin", "email": "admin@serai.example", "password": "printed-once-1"},
        {"role": "customer", "email": "ada@serai.example", "password": "printed-once-2"},
    ]
    async with room(database("user")) as users:
        assert await add_accounts(users.database_url, logins) == 2
        assert await add_accounts(users.database_url, logins) == 0
        logins[1]["password"] = "printed-anew-3"
        assert await add_accounts(users.database_url, logins) == 1
        for login in logins:
            answer = await users.login(login["email"], login["password"])
            assert answer.json()["user"]["role"] == login["role"]
