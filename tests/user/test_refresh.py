from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from serai.user.domain import GRACE, hash_of
from tests.user.conftest import COOKIE, PASSWORD, Users, bearer, cookie_of


@asynccontextmanager
async def connection_to(users: Users) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(users.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def age(users: Users, token: str, by: timedelta) -> None:
    """Move the use of `token` into the past."""
    async with connection_to(users) as connection:
        await connection.execute(
            "update refresh_token set used_at = used_at - $2::interval where hash = $1", hash_of(token), by
        )


async def start(users: Users) -> str:
    await users.register("ada@example.com")
    return cookie_of(await users.login("ada@example.com"))


async def test_gives_a_new_access_token_and_a_new_refresh_token(users: Users) -> None:
    first = await start(users)
    answer = await users.refresh(first)
    assert answer.status_code == 200
    assert cookie_of(answer) != first
    assert answer.json()["user"]["email"] == "ada@example.com"
    assert (await users.client.get("/api/auth/me", headers=bearer(answer))).status_code == 200
    assert (await users.refresh(cookie_of(answer))).status_code == 200


async def test_a_lost_response_can_be_requested_again(users: Users) -> None:
    first = await start(users)
    answers = [await users.refresh(first) for _ in range(3)]
    assert len({cookie_of(answer) for answer in answers}) == 1
    assert (await users.refresh(cookie_of(answers[0]))).status_code == 200


async def test_fifty_at_once_get_one_successor(users: Users) -> None:
    first = await start(users)
    answers = await asyncio.gather(*(users.refresh(first) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({cookie_of(answer) for answer in answers}) == 1
    async with connection_to(users) as connection:
        assert await connection.fetchval("select count(*) from refresh_token") == 2


async def test_a_replay_after_the_grace_ends_the_whole_session(users: Users) -> None:
    first = await start(users)
    second = await users.refresh(first)
    await age(users, first, GRACE + timedelta(seconds=1))
    replayed = await users.refresh(first)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "session_ended")
    assert (await users.refresh(cookie_of(second))).status_code == 401
    assert (await users.client.get("/api/auth/me", headers=bearer(second))).status_code == 401


async def test_a_replay_leaves_other_sessions_alone(users: Users) -> None:
    first = await start(users)
    other = cookie_of(await users.login("ada@example.com"))
    await users.refresh(first)
    await age(users, first, timedelta(minutes=1))
    await users.refresh(first)
    assert (await users.refresh(other)).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5000, "ä" * 43, "' or 1=1 --"])
async def test_refuses_what_was_never_issued(users: Users, token: str) -> None:
    await start(users)
    headers = {"cookie": f"{COOKIE}={token}".encode()}
    answer = await users.client.post("/api/auth/refresh", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401


async def test_refuses_no_cookie_at_all(users: Users) -> None:
    assert (await users.client.post("/api/auth/refresh")).status_code == 401


async def test_refuses_an_expired_token(users: Users) -> None:
    first = await start(users)
    async with connection_to(users) as connection:
        await connection.execute("update refresh_token set expires_at = now()")
    assert (await users.refresh(first)).status_code == 401


async def test_stores_hashes_only(users: Users) -> None:
    first = await start(users)
    second = cookie_of(await users.refresh(first))
    async with connection_to(users) as connection:
        stored = str(await connection.fetch("select hash, salt, t::text from refresh_token t"))
        hashes = {bytes(row["hash"]) for row in await connection.fetch("select hash from refresh_token")}
    assert first not in stored
    assert second not in stored
    assert hashes == {hash_of(first), hash_of(second)}


async def test_signing_out_ends_the_session_and_the_cookie(users: Users) -> None:
    await users.register("ada@example.com")
    answer = await users.login("ada@example.com")
    token, headers = cookie_of(answer), bearer(answer)
    out = await users.client.post("/api/auth/logout", headers={"cookie": f"{COOKIE}={token}"})
    assert (out.status_code, out.content) == (204, b"")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await users.refresh(token)).status_code == 401
    assert (await users.client.get("/api/auth/me", headers=headers)).status_code == 401


async def test_signing_out_twice_or_without_a_session_is_fine(users: Users) -> None:
    token = await start(users)
    for cookie in (token, token, "nonsense", ""):
        answer = await users.client.post("/api/auth/logout", headers={"cookie": f"{COOKIE}={cookie}"})
        assert answer.status_code == 204
    assert (await users.client.post("/api/auth/logout")).status_code == 204


async def test_a_new_password_ends_the_other_sessions_only(users: Users) -> None:
    await users.register("ada@example.com")
    here, there = await users.login("ada@example.com"), await users.login("ada@example.com")
    change = {"current_password": PASSWORD, "new_password": "a caravan at dawn"}
    answer = await users.client.post("/api/auth/password", json=change, headers=bearer(here))
    assert answer.status_code == 204
    assert (await users.refresh(cookie_of(here))).status_code == 200
    assert (await users.refresh(cookie_of(there))).status_code == 401
    assert (await users.login("ada@example.com")).status_code == 401
    assert (await users.login("ada@example.com", "a caravan at dawn")).status_code == 200


async def test_no_sign_in_with_the_old_password_outlives_its_change(users: Users) -> None:
    """Sign-ins verified before the change and opened after it must not leave a session behind."""
    await users.register("ada@example.com")
    here = bearer(await users.login("ada@example.com"))
    change = {"current_password": PASSWORD, "new_password": "a caravan at dawn"}
    changing = users.client.post("/api/auth/password", json=change, headers=here)
    outcomes = await asyncio.gather(changing, *(users.login("ada@example.com") for _ in range(12)))
    assert outcomes[0].status_code == 204
    for answer in outcomes[1:]:
        if answer.status_code == 200:
            assert (await users.refresh(cookie_of(answer))).status_code == 401


@pytest.mark.parametrize("script", range(6))
async def test_whatever_tokens_are_presented_at_most_one_unused_token_is_valid(users: Users, script: int) -> None:
    """Compared with a model: tokens by generation, each used at most once, all invalid after a replay."""
    chance = random.Random(script)
    issued = [await start(users)]
    used: dict[str, str] = {}
    stale: set[str] = set()
    ended = False
    for _ in range(25):
        token = chance.choice(issued[-3:])
        if token in used and token not in stale and chance.random() < 0.15:
            await age(users, token, timedelta(minutes=1))
            stale.add(token)
        answer = await users.refresh(token)
        if ended or token in stale:
            ended = True
            assert answer.status_code == 401
        elif token in used:
            assert cookie_of(answer) == used[token]
        else:
            used[token] = cookie_of(answer)
            issued.append(used[token])
        async with connection_to(users) as connection:
            unused = await connection.fetchval(
                """select count(*) from refresh_token t join session s on s.id = t.session_id
                   where t.used_at is null and s.ended_at is null"""
            )
        assert unused == (0 if ended else 1)
