"""The links in emails, as the notification service gets them: by the events of emails, and with a token for each."""

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
async def connection_to(users: Users) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(users.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def event_ids(users: Users, type_: str, count: int = 1) -> list[UUID]:
    """The ids of the events of this type, once there are `count`. Each causes an email that may carry a link."""
    deadline = time.monotonic() + 60
    async with connection_to(users) as connection:
        while True:
            found = await connection.fetch("select id from event where type = $1 order by seq", type_)
            if len(found) >= count:
                return [row["id"] for row in found]
            assert time.monotonic() < deadline, f"no {count} events {type_} in time"
            await asyncio.sleep(0.02)


async def issue_link(users: Users, event_id: UUID, caller: str = "notification") -> httpx.Response:
    return await users.client.post(f"/internal/links/{event_id}", headers=tokens.as_service(caller, "user"))


async def token(users: Users, type_: str) -> str:
    """A token for the link of the latest event of this type."""
    answer = await issue_link(users, (await event_ids(users, type_))[-1])
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["token"]
    return found


async def welcome_token(users: Users, email: str) -> str:
    """Register, and get the token of the welcome email."""
    await users.register(email)
    return await token(users, USER_REGISTERED)
