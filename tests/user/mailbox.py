"""What the owner of a mailbox finds there, as the one service that writes mails learns it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx

from serai.contracts.user import USER_REGISTERED
from tests import tokens
from tests.user.conftest import Users


@asynccontextmanager
async def inside(users: Users) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(users.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def mails(users: Users, type_: str, count: int = 1) -> list[UUID]:
    """The ids of the mails that are written about events of this type, once there are `count`; each may have a link."""
    deadline = time.monotonic() + 60
    async with inside(users) as connection:
        while True:
            found = await connection.fetch("select id from event where type = $1 order by seq", type_)
            if len(found) >= count:
                return [row["id"] for row in found]
            assert time.monotonic() < deadline, f"waited in vain for {count} {type_}"
            await asyncio.sleep(0.02)


async def mint(users: Users, mail_id: UUID, caller: str = "notification") -> httpx.Response:
    return await users.client.post(f"/internal/links/{mail_id}", headers=tokens.as_service(caller, "user"))


async def token(users: Users, type_: str) -> str:
    """The token in the latest mail about an event of this type."""
    answer = await mint(users, (await mails(users, type_))[-1])
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["token"]
    return found


async def welcome_token(users: Users, email: str) -> str:
    """Register, and take the token from the mail that follows."""
    await users.register(email)
    return await token(users, USER_REGISTERED)
