from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from tests import tokens
from tests.user.conftest import PASSWORD, Users


async def events(users: Users, count: int) -> list[dict[str, Any]]:
    """The first `count` events of the feed, as the notification service reads them."""
    headers = tokens.as_service("notification", "user")
    found: list[dict[str, Any]] = []
    while len(found) < count:
        query = {"after": found[-1]["position"] if found else 0, "limit": 100, "wait": 2, "consumer": "notification"}
        answer = await users.client.get("/internal/events", params=query, headers=headers)
        assert answer.status_code == 200
        assert answer.json()["items"], f"only {len(found)} events came"
        found += answer.json()["items"]
    return found


async def test_makes_a_customer_who_can_sign_in(users: Users) -> None:
    answer = await users.register("  Ada@Example.COM ", name=" Ada   Lovelace ")
    assert (answer.status_code, answer.json()) == (201, {"email": "ada@example.com", "name": "Ada Lovelace"})
    assert "set-cookie" not in answer.headers
    signed_in = (await users.login("ADA@example.com")).json()
    assert signed_in["user"]["role"] == "customer"
    assert signed_in["user"]["email_verified"] is False


async def test_the_response_for_a_taken_address_is_the_same_and_nothing_changes(users: Users) -> None:
    first = await users.register("ada@example.com", name="Ada")
    second = await users.register("Ada@example.com", password="another good password", name="Ada")
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert (await users.login("ada@example.com", "another good password")).status_code == 401
    assert (await users.login("ada@example.com")).status_code == 200
    told = await events(users, 2)
    assert [event["type"] for event in told] == ["user.registered", "user.address_taken"]
    assert told[0]["subject"] == told[1]["subject"] == told[1]["data"]["user_id"]
    assert "ada@example.com" not in str(told)


async def test_tells_the_owner_of_a_taken_address_once_a_minute(users: Users) -> None:
    for _ in range(4):
        assert (await users.register("ada@example.com")).status_code == 201
    await users.register("grace@example.com")
    kinds = [event["type"] for event in await events(users, 3)]
    assert kinds == ["user.registered", "user.address_taken", "user.registered"]


async def test_one_of_many_at_once_makes_the_account(users: Users) -> None:
    answers = await asyncio.gather(*(users.register("ada@example.com") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    connection = await asyncpg.connect(users.database_url)
    assert await connection.fetchval("select count(*) from account") == 1
    await connection.close()


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "ada b@example.com",
        ".ada@example.com",
        "ada..b@example.com",
        "ada@-example.com",
        "ada@example.com\r\nBcc: all@example.com",
        "<script>@example.com",
        f"{'a' * 65}@example.com",
        f"ada@{'a.' * 130}com",
    ],
)
async def test_refuses_an_address_that_cannot_receive_email(users: Users, email: str) -> None:
    answer = await users.register(email)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]


@pytest.mark.parametrize("password", ["short", "x" * 257, "password123", "PassWord123", "12345678", "qwertyuiop"])
async def test_refuses_a_password_that_is_short_long_or_common(users: Users, password: str) -> None:
    answer = await users.register("ada@example.com", password)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert password not in answer.text


@pytest.mark.parametrize("password", ["gk7 wpzm", "ü" * 256, "        ", "пароль из песни"])
async def test_takes_any_other_password(users: Users, password: str) -> None:
    assert (await users.register("ada@example.com", password)).status_code == 201
    assert (await users.login("ada@example.com", password)).status_code == 200


async def test_a_password_is_the_same_however_its_accents_are_typed(users: Users) -> None:
    await users.register("ada@example.com", "cafe\u0301 au lait")
    assert (await users.login("ada@example.com", "caf\u00e9 au lait")).status_code == 200


async def test_says_everything_that_is_wrong_at_once(users: Users) -> None:
    answer = await users.register("nobody", "password1", " ")
    assert {error["field"] for error in answer.json()["errors"]} == {"email", "password", "name"}


@pytest.mark.parametrize("extra", [{"role": "admin"}, {"id": "0"}, {"email_verified": True}])
async def test_refuses_fields_that_registration_does_not_have(users: Users, extra: dict[str, Any]) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada", **extra}
    assert (await users.client.post("/api/auth/register", json=body)).status_code == 422
    assert (await users.login("ada@example.com")).status_code == 401


async def test_stores_no_password(real_users: Users) -> None:
    await real_users.register("ada@example.com")
    connection = await asyncpg.connect(real_users.database_url)
    stored = await connection.fetchval("select password_hash from account")
    await connection.close()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.slow
async def test_taken_and_fresh_addresses_take_the_same_time(real_users: Users) -> None:
    """Both hash the password. Compares the shortest of several durations, because other load only adds to them."""
    await real_users.register("ada@example.com")
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(6):
        for taken in times:
            started = time.perf_counter()
            await real_users.register("ada@example.com" if taken else f"new{turn}@example.com")
            times[taken].append(time.perf_counter() - started)
    assert min(times[True]) > 0.4 * min(times[False])
