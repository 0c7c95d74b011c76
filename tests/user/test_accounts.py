from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest

from serai.permissions import permissions_of
from serai.user import store
from serai.user.provisioning import create_admin
from tests import tokens
from tests.user.conftest import PASSWORD, Users, bearer, cookie_of


async def admin_of(users: Users, email: str = "root@example.com") -> dict[str, str]:
    return bearer(await users.login(email, await create_admin(users.database_url, email)))


async def id_of(users: Users, headers: dict[str, str]) -> str:
    found: str = (await users.client.get("/api/auth/me", headers=headers)).json()["id"]
    return found


async def test_shows_and_changes_ones_own_name(users: Users) -> None:
    ada = await users.signed_in()
    answer = await users.client.patch("/api/auth/me", json={"name": " Ada  King "}, headers=ada)
    assert (answer.status_code, answer.json()["name"]) == (200, "Ada King")
    shown = await users.client.get("/api/auth/me", headers=ada)
    assert (shown.json(), shown.headers["cache-control"]) == (answer.json(), "no-store")
    assert (await users.client.patch("/api/auth/me", json={}, headers=ada)).json() == answer.json()


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "   "}, {"name": "x" * 101}, {"name": "a\x07b"}, {"name": 1}]
)
async def test_refuses_an_invalid_name(users: Users, change: dict[str, Any]) -> None:
    ada = await users.signed_in()
    assert (await users.client.patch("/api/auth/me", json=change, headers=ada)).status_code == 422


@pytest.mark.parametrize("change", [{"role": "admin"}, {"email": "x@example.com"}, {"disabled": False}])
async def test_a_user_cannot_change_their_own_role(users: Users, change: dict[str, Any]) -> None:
    ada = await users.signed_in()
    assert (await users.client.patch("/api/auth/me", json=change, headers=ada)).status_code == 422
    assert (await users.client.get("/api/auth/me", headers=ada)).json()["role"] == "customer"


async def test_a_wrong_current_password_changes_nothing(users: Users) -> None:
    ada = await users.signed_in()
    change = {"current_password": "wrong", "new_password": "a caravan at dawn"}
    answer = await users.client.post("/api/auth/password", json=change, headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
    assert (await users.login("ada@example.com")).status_code == 200


async def test_a_new_password_must_follow_the_rules(users: Users) -> None:
    ada = await users.signed_in()
    change = {"current_password": PASSWORD, "new_password": "password123"}
    answer = await users.client.post("/api/auth/password", json=change, headers=ada)
    assert [error["field"] for error in answer.json()["errors"]] == ["new_password"]


async def test_an_admin_finds_users_page_by_page(users: Users) -> None:
    for number in range(5):
        await users.register(f"user{number}@example.com", name=f"Number {number}")
    admin = await admin_of(users)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await users.client.get("/api/users", params=query, headers=admin)).json()
        seen += [item["email"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["root@example.com", *(f"user{number}@example.com" for number in (4, 3, 2, 1, 0))]
    assert "disabled" in page["items"][0]


@pytest.mark.parametrize(
    ("q", "found"), [("user1", ["user1"]), ("NUMBER 2", ["user2"]), ("%", []), ("_ser", []), ("\\", [])]
)
async def test_an_admin_searches_by_address_and_name(users: Users, q: str, found: list[str]) -> None:
    for number in range(3):
        await users.register(f"user{number}@example.com", name=f"Number {number}")
    answer = await users.client.get("/api/users", params={"q": q}, headers=await admin_of(users))
    assert [item["email"].partition("@")[0] for item in answer.json()["items"]] == found


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": "0"}, {"limit": "101"}, {"role": "admin"}, {"q": ""}])
async def test_refuses_a_query_it_does_not_know(users: Users, query: dict[str, str]) -> None:
    answer = await users.client.get("/api/users", params=query, headers=await admin_of(users))
    assert answer.status_code == 422


async def test_customers_see_themselves_and_nobody_else(users: Users) -> None:
    ada, grace = await users.signed_in("ada@example.com"), await users.signed_in("grace@example.com")
    own, foreign = await id_of(users, ada), await id_of(users, grace)
    assert (await users.client.get(f"/api/users/{own}", headers=ada)).json()["email"] == "ada@example.com"
    answers = [await users.client.get(f"/api/users/{id}", headers=ada) for id in (foreign, uuid4(), "nonsense")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert (await users.client.get("/api/users", headers=ada)).status_code == 403
    assert (await users.client.patch(f"/api/users/{own}", json={"role": "admin"}, headers=ada)).status_code == 403


async def test_an_admin_changes_a_role(users: Users) -> None:
    admin, ada = await admin_of(users), await users.signed_in()
    path = f"/api/users/{await id_of(users, ada)}"
    answer = await users.client.patch(path, json={"role": "admin"}, headers=admin)
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert (await users.client.get("/api/users", headers=ada)).status_code == 200


async def test_a_user_is_told_the_permissions_of_their_role(users: Users) -> None:
    admin, ada = await admin_of(users), await users.signed_in()
    assert (await users.client.get("/api/auth/me", headers=ada)).json()["permissions"] == []
    path = f"/api/users/{await id_of(users, ada)}"
    risen = (await users.client.patch(path, json={"role": "admin"}, headers=admin)).json()
    assert "permissions" not in risen
    signed_in = await users.login("ada@example.com")
    refreshed = await users.refresh(cookie_of(signed_in))
    for user in (
        signed_in.json()["user"],
        refreshed.json()["user"],
        (await users.client.get("/api/auth/me", headers=ada)).json(),
    ):
        assert user["permissions"] == permissions_of("admin")


async def test_a_role_in_the_token_alone_is_not_enough(users: Users) -> None:
    ada = await users.signed_in()
    me = await id_of(users, ada)
    assert (await users.client.get("/api/users", headers=tokens.as_user(me, "admin"))).status_code == 401  # type: ignore[arg-type]


async def test_disabling_ends_every_session(users: Users) -> None:
    admin, ada = await admin_of(users), await users.signed_in()
    path = f"/api/users/{await id_of(users, ada)}"
    assert (await users.client.patch(path, json={"disabled": True}, headers=admin)).json()["disabled"] is True
    assert (await users.client.get("/api/auth/me", headers=ada)).status_code == 401
    assert (await users.client.patch(path, json={"disabled": False}, headers=admin)).json()["disabled"] is False
    assert (await users.login("ada@example.com")).status_code == 200


@pytest.mark.parametrize("change", [{"role": "customer"}, {"disabled": True}])
async def test_the_last_admin_stays(users: Users, change: dict[str, Any]) -> None:
    admin = await admin_of(users)
    path = f"/api/users/{await id_of(users, admin)}"
    answer = await users.client.patch(path, json=change, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await users.client.get("/api/users", headers=admin)).status_code == 200


async def test_two_admins_cannot_remove_each_other_at_once(users: Users) -> None:
    first, second = await admin_of(users, "one@example.com"), await admin_of(users, "two@example.com")
    ids = await id_of(users, first), await id_of(users, second)
    body = {"role": "customer"}
    answers = await asyncio.gather(
        users.client.patch(f"/api/users/{ids[1]}", json=body, headers=first),
        users.client.patch(f"/api/users/{ids[0]}", json=body, headers=second),
    )
    done, refused = sorted(answer.status_code for answer in answers)
    assert (done, refused in (403, 409)) == (200, True)


async def test_other_services_ask_who_is_behind_a_session(users: Users) -> None:
    ada = await users.signed_in()
    claims = jwt.decode(ada["authorization"].partition(" ")[2], options={"verify_signature": False})
    order = tokens.as_service("order", "user")
    found = await users.client.get(f"/internal/sessions/{claims['sid']}", headers=order)
    assert found.json() == {
        "user_id": claims["sub"],
        "role": "customer",
        "email": "ada@example.com",
        "name": "Somebody",
    }
    facts = await users.client.get(f"/internal/users/{claims['sub']}", headers=order)
    assert facts.json() == {"id": claims["sub"], "email": "ada@example.com", "name": "Somebody", "disabled": False}
    for path in (f"/internal/sessions/{uuid4()}", f"/internal/users/{uuid4()}"):
        assert (await users.client.get(path, headers=order)).status_code == 404
        assert (await users.client.get(path, headers=ada)).status_code == 403
        assert (await users.client.get(path)).status_code == 403


async def test_the_first_admin_takes_over_an_address_somebody_registered(users: Users) -> None:
    squatter = await users.signed_in("root@example.com")
    admin = await admin_of(users)
    assert (await users.client.get("/api/users", headers=admin)).status_code == 200
    assert (await users.client.get("/api/auth/me", headers=squatter)).status_code == 401
    assert (await users.login("root@example.com")).status_code == 401


async def test_sessions_that_ended_long_ago_are_deleted(users: Users) -> None:
    await users.signed_in()
    await users.signed_in("grace@example.com")
    await users.login("grace@example.com", "wrong")
    connection = await asyncpg.connect(users.database_url)
    await connection.execute("update refresh_token set expires_at = now() - interval '2 days'")
    await connection.execute("update session set expires_at = now() - interval '2 days'")
    await connection.execute("update sign_in_failures set at = now() - interval '2 days'")
    await store.prune(connection)
    for table in ("refresh_token", "session", "sign_in_failures"):
        assert await connection.fetchval(f"select count(*) from {table}") == 0
    await connection.close()
