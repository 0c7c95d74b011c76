from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.user.conftest import Users, bearer, cookie_of

LAPTOP = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
PHONE = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605"}


async def sessions(users: Users, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = await users.client.get("/api/auth/sessions", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def lives(users: Users, headers: dict[str, str]) -> bool:
    return (await users.client.get("/api/auth/me", headers=headers)).status_code == 200


async def test_lists_where_one_is_signed_in_the_newest_first(users: Users) -> None:
    await users.register("ada@example.com")
    await users.signed_in("grace@example.com")
    laptop = bearer(await users.login("ada@example.com", headers=LAPTOP))
    phone = bearer(await users.login("ada@example.com", headers=PHONE))
    seen = await sessions(users, laptop)
    assert [item.keys() for item in seen] == [{"id", "created_at", "last_seen_at", "user_agent", "current"}] * 2
    assert [(item["user_agent"], item["current"]) for item in seen] == [
        (PHONE["user-agent"], False),
        (LAPTOP["user-agent"], True),
    ]
    assert [item["current"] for item in await sessions(users, phone)] == [True, False]


async def test_pages_through_ones_sessions(users: Users) -> None:
    await users.register("ada@example.com")
    for _ in range(4):
        ada = bearer(await users.login("ada@example.com"))
    whole = [item["id"] for item in await sessions(users, ada)]
    seen: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        page = (await users.client.get("/api/auth/sessions", params=query, headers=ada)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == whole
    assert len(whole) == 4
    wrong = await users.client.get("/api/auth/sessions", params={"cursor": "x"}, headers=ada)
    assert wrong.status_code == 422


@pytest.mark.parametrize(("said", "kept"), [("", None), ("  a   b  ", "a b"), ("x" * 5000, "x" * 300)])
async def test_a_user_agent_is_shortened_and_cleaned(users: Users, said: str, kept: str | None) -> None:
    await users.register("ada@example.com")
    ada = bearer(await users.login("ada@example.com", headers={"user-agent": said}))
    assert [item["user_agent"] for item in await sessions(users, ada)] == [kept]


async def test_a_refresh_is_seen_and_begins_no_new_session(users: Users) -> None:
    await users.register("ada@example.com")
    first = await users.login("ada@example.com")
    [before] = await sessions(users, bearer(first))
    again = await users.refresh(cookie_of(first))
    [after] = await sessions(users, bearer(again))
    assert before["id"] == after["id"]
    assert before["last_seen_at"] < after["last_seen_at"]


async def test_ends_one_session_and_only_once(users: Users) -> None:
    await users.register("ada@example.com")
    lost = await users.login("ada@example.com", headers=PHONE)
    ada = bearer(await users.login("ada@example.com", headers=LAPTOP))
    [_, phone] = await sessions(users, ada)
    path = f"/api/auth/sessions/{phone['id']}"
    assert (await users.client.delete(path, headers=ada)).status_code == 204
    assert not await lives(users, bearer(lost))
    assert (await users.refresh(cookie_of(lost))).status_code == 401
    assert await lives(users, ada)
    assert [item["current"] for item in await sessions(users, ada)] == [True]
    assert (await users.client.delete(path, headers=ada)).status_code == 404


async def test_ending_the_session_that_asks_signs_out(users: Users) -> None:
    ada = await users.signed_in()
    [own] = await sessions(users, ada)
    assert (await users.client.delete(f"/api/auth/sessions/{own['id']}", headers=ada)).status_code == 204
    assert not await lives(users, ada)


async def test_signs_out_everywhere_else(users: Users) -> None:
    await users.register("ada@example.com")
    others = [await users.login("ada@example.com") for _ in range(3)]
    grace = await users.signed_in("grace@example.com")
    ada = bearer(await users.login("ada@example.com"))
    assert (await users.client.delete("/api/auth/sessions", headers=ada)).status_code == 204
    assert [item["current"] for item in await sessions(users, ada)] == [True]
    assert [await lives(users, bearer(other)) for other in others] == [False] * 3
    assert [(await users.refresh(cookie_of(other))).status_code for other in others] == [401] * 3
    assert await lives(users, grace)


async def test_a_stranger_s_session_looks_as_if_it_were_not_there(users: Users) -> None:
    ada, grace = await users.signed_in("ada@example.com"), await users.signed_in("grace@example.com")
    [foreign] = await sessions(users, grace)
    answers = [
        await users.client.delete(f"/api/auth/sessions/{id}", headers=ada)
        for id in (foreign["id"], str(uuid4()), "nonsense")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert await lives(users, grace)


async def test_sessions_that_ran_out_are_not_listed(users: Users) -> None:
    ada = await users.signed_in()
    await users.login("ada@example.com")
    connection = await asyncpg.connect(users.database_url)
    await connection.execute(
        "update session set expires_at = now() where id = (select id from session order by id desc limit 1)"
    )
    await connection.close()
    assert [item["current"] for item in await sessions(users, ada)] == [True]
