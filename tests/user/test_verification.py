from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from serai.contracts.user import PASSWORD_RESET_REQUESTED, USER_REGISTERED, VERIFICATION_REQUESTED
from serai.user.app import create
from serai.user.provisioning import create_admin
from tests import tokens
from tests.living import living
from tests.user.conftest import PASSWORD, Users, bearer, cookie_of
from tests.user.email_links import connection_to, event_ids, issue_link, token, welcome_token


async def verify(users: Users, shown: str) -> int:
    return (await users.client.post("/api/auth/email/verify", json={"token": shown})).status_code


async def resend(users: Users, headers: dict[str, str]) -> int:
    return (await users.client.post("/api/auth/email/resend", headers=headers)).status_code


async def verified(users: Users, headers: dict[str, str]) -> bool:
    profile: dict[str, Any] = (await users.client.get("/api/auth/me", headers=headers)).json()
    found: bool = profile["email_verified"]
    return found


async def test_the_link_in_the_welcome_proves_the_address_once(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    ada = bearer(await users.login("ada@example.com"))
    assert not await verified(users, ada)
    assert await verify(users, shown) == 204
    assert await verified(users, ada)
    again = await users.client.post("/api/auth/email/verify", json={"token": shown})
    assert (again.status_code, again.json()["code"]) == (422, "link_invalid")
    assert [error["field"] for error in again.json()["errors"]] == ["token"]


async def test_of_fifty_concurrent_verifications_one_succeeds(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    answers = await asyncio.gather(*(verify(users, shown) for _ in range(50)))
    assert sorted(answers) == [204] + [422] * 49


async def test_another_link_comes_when_it_is_asked_for(users: Users) -> None:
    first = await welcome_token(users, "ada@example.com")
    ada = bearer(await users.login("ada@example.com"))
    assert await resend(users, ada) == 202
    second = await token(users, VERIFICATION_REQUESTED)
    assert second != first
    assert await verify(users, first) == 204, "the one that was on its way works as well"
    assert await verify(users, second) == 422, "what it was for is done"
    assert await resend(users, ada) == 409


async def test_a_verified_address_gets_no_more_links(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    [mail] = await event_ids(users, USER_REGISTERED)
    assert await verify(users, shown) == 204
    late = await issue_link(users, mail)
    assert (late.status_code, late.json()["code"]) == (404, "link_gone")


async def test_a_link_ends_after_three_days(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    async with connection_to(users) as connection:
        await connection.execute("update link_token set expires_at = expires_at - interval '71 hours 59 minutes'")
        assert await connection.fetchval("select count(*) from link_token where expires_at > now()") == 1
        await connection.execute("update link_token set expires_at = expires_at - interval '1 minute'")
    assert await verify(users, shown) == 422
    [mail] = await event_ids(users, USER_REGISTERED)
    assert (await issue_link(users, mail)).status_code == 200, "the mail may still be on its way"
    async with connection_to(users) as connection:
        await connection.execute("update link set created_at = created_at - interval '3 days'")
    assert (await issue_link(users, mail)).status_code == 404


async def test_a_token_is_good_for_what_it_was_sent_for_only(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    reset = {"token": shown, "password": "another caravan at dawn"}
    assert (await users.client.post("/api/auth/password/reset", json=reset)).status_code == 422
    await users.client.post("/api/auth/password/forgot", json={"email": "ada@example.com"})
    assert await verify(users, await token(users, PASSWORD_RESET_REQUESTED)) == 422
    assert await verify(users, shown) == 204


@pytest.mark.parametrize("shown", ["", "x", "A" * 43, "A" * 200, "'; drop table link; --", "\u0430" * 43])
async def test_a_malformed_token_is_refused_like_an_expired_one(users: Users, shown: str) -> None:
    answer = await users.client.post("/api/auth/email/verify", json={"token": shown})
    assert (answer.status_code, answer.json()["code"]) == (422, "link_invalid")


async def test_a_disabled_account_is_sent_nothing_and_its_links_open_nothing(users: Users) -> None:
    shown = await welcome_token(users, "ada@example.com")
    [mail] = await event_ids(users, USER_REGISTERED)
    async with connection_to(users) as connection:
        await connection.execute("update account set disabled = true")
    assert await verify(users, shown) == 422
    assert (await issue_link(users, mail)).status_code == 404


async def test_only_the_notification_service_is_given_links(users: Users) -> None:
    await users.register("ada@example.com")
    [mail] = await event_ids(users, USER_REGISTERED)
    ada = bearer(await users.login("ada@example.com"))
    for caller in ("order", "cart", "product", "payment", "monitoring"):
        assert (await issue_link(users, mail, caller)).status_code == 403
    assert (await users.client.post(f"/internal/links/{mail}", headers=ada)).status_code == 403
    assert (await users.client.post(f"/internal/links/{mail}")).status_code == 403
    async with connection_to(users) as connection:
        assert await connection.fetchval("select count(*) from link_token") == 0


async def test_an_account_created_by_the_operator_is_verified(users: Users) -> None:
    admin = bearer(await users.login("root@example.com", await create_admin(users.database_url, "root@example.com")))
    assert await verified(users, admin)
    assert await resend(users, admin) == 409


@pytest.fixture
async def strict(database: Callable[[str], str]) -> AsyncIterator[Users]:
    """A user service that requires verified addresses."""
    url = database("user")
    environ = tokens.environ("user", url, SERAI_JWT_KEYS=tokens.JWT_KEYS, SERAI_REQUIRE_VERIFIED_EMAIL="true")
    async with living(create(environ).app()) as http:
        yield Users(http, url)


async def test_where_verification_is_required_an_unverified_user_cannot_sign_in(strict: Users) -> None:
    await strict.register("ada@example.com")
    wrong = await strict.login("ada@example.com", "wrong password")
    assert wrong.json()["code"] == "invalid_credentials", "only who knows the password learns anything"
    refused = await strict.login("ada@example.com")
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
    assert await verify(strict, await token(strict, VERIFICATION_REQUESTED)) == 204, "the mail came once more by itself"
    assert (await strict.login("ada@example.com")).status_code == 200


async def test_where_verification_is_required_an_older_session_is_not_refreshed(strict: Users) -> None:
    await strict.register("ada@example.com")
    shown = await token(strict, USER_REGISTERED)
    await verify(strict, shown)
    cookie = cookie_of(await strict.login("ada@example.com"))
    async with connection_to(strict) as connection:
        await connection.execute("update account set email_verified = false")
    refused = await strict.refresh(cookie)
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
    async with connection_to(strict) as connection:
        await connection.execute("update account set email_verified = true")
    assert (await strict.refresh(cookie)).status_code == 200, "and it goes on afterwards"


async def test_where_verification_is_not_required_an_unverified_user_can_buy(users: Users) -> None:
    await users.register("ada@example.com")
    assert (await users.login("ada@example.com", PASSWORD)).status_code == 200
