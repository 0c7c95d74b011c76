from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from argon2 import PasswordHasher

from serai.supervisor.postgres import Postgres
from serai.user.app import create
from serai.user.passwords import Passwords
from tests import tokens
from tests.living import Connection, connected, empty, living, shared_database

PASSWORD = "a caravan at dusk"
COOKIE = "serai_refresh_8080"


@dataclass
class Users:
    """A user service with an empty database."""

    client: httpx.AsyncClient
    database_url: str

    async def register(self, email: str, password: str = PASSWORD, name: str = "Somebody") -> httpx.Response:
        return await self.client.post("/api/auth/register", json={"email": email, "password": password, "name": name})

    async def login(
        self, email: str, password: str = PASSWORD, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        answer = await self.client.post(
            "/api/auth/login", json={"email": email, "password": password}, headers=headers or {}
        )
        # Each test sends its cookies explicitly.
        self.client.cookies.clear()
        return answer

    async def signed_in(self, email: str = "ada@example.com") -> dict[str, str]:
        """The headers of a user who has just registered and signed in."""
        await self.register(email)
        return bearer(await self.login(email))

    async def refresh(self, token: str, headers: dict[str, str] | None = None) -> httpx.Response:
        answer = await self.client.post("/api/auth/refresh", headers={"cookie": f"{COOKIE}={token}", **(headers or {})})
        self.client.cookies.clear()
        return answer


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def cookie_of(answer: httpx.Response) -> str:
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == COOKIE
    return str(value)


#: The least Argon2 there is: the real one takes a third of the time of these tests, and most are not about it.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@asynccontextmanager
async def room(database_url: str, passwords: Passwords | None = None) -> AsyncIterator[Users]:
    service = create(tokens.environ("user", database_url, SERAI_JWT_KEYS=tokens.JWT_KEYS), passwords)
    async with living(service.app()) as http:
        yield Users(http, database_url)


@pytest.fixture(scope="session")
async def shared_users(postgres: Postgres, template: Callable[[str], str]) -> AsyncIterator[Users]:
    with shared_database(postgres, template, "user", "test_user_room") as url:
        async with room(url, Passwords(hasher=QUICK)) as users:
            yield users


@pytest.fixture(scope="session")
async def shared_connection(shared_users: Users) -> AsyncIterator[Connection]:
    async with connected(shared_users.database_url) as connection:
        yield connection


@pytest.fixture
async def users(shared_users: Users, shared_connection: Connection) -> Users:
    # In the order in which the background job locks them.
    await empty(shared_connection, "link_asked", "account", "sign_in_failures", "event")
    return shared_users


@pytest.fixture
async def real_users(database: Callable[[str], str]) -> AsyncIterator[Users]:
    """With the production cost of password hashing and a database of its own, for tests that depend on its duration."""
    async with room(database("user")) as users:
        yield users
