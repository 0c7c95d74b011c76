from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.contracts.user import PASSWORD_CHANGED, PASSWORD_RESET_REQUESTED, USER_REGISTERED, VERIFICATION_REQUESTED
from serai.user import links, store
from serai.user.domain import MAX_LINK_TOKENS, PER_ACCOUNT, hash_of
from serai.user.link_emails import LinkEmails
from serai.user.provisioning import create_admin
from tests.user.conftest import PASSWORD, Users, bearer, cookie_of
from tests.user.email_links import connection_to, event_ids, issue_link, token

NEW = "another caravan at dawn"


async def forgot(users: Users, email: str = "ada@example.com") -> httpx.Response:
    return await users.client.post("/api/auth/password/forgot", json={"email": email})


async def reset(users: Users, shown: str, password: str = NEW) -> httpx.Response:
    return await users.client.post("/api/auth/password/reset", json={"token": shown, "password": password})


async def mailed(users: Users, email: str = "ada@example.com") -> str:
    """Registers, requests a password reset and returns the token of its link."""
    await users.register(email)
    await forgot(users, email)
    return await token(users, PASSWORD_RESET_REQUESTED)


async def let_pass(users: Users, interval: str) -> None:
    """Move the requests and their answers into the past."""
    async with connection_to(users) as connection:
        await connection.execute(
            "update link_asked set at = at - $1::text::interval, due_at = due_at - $1::text::interval", interval
        )


async def test_a_forgotten_password_is_set_anew_with_the_mailed_token(users: Users) -> None:
    shown = await mailed(users)
    assert (await reset(users, shown)).status_code == 204
    assert (await users.login("ada@example.com")).status_code == 401
    signed_in = await users.login("ada@example.com", NEW)
    assert signed_in.status_code == 200
    assert signed_in.json()["user"]["email_verified"] is True, "the mail came to the address"
    assert len(await event_ids(users, PASSWORD_CHANGED)) == 1, "its owner is told"


async def test_a_reset_ends_every_session_and_link(users: Users) -> None:
    shown = await mailed(users)
    old = [await users.login("ada@example.com") for _ in range(3)]
    grace = await users.signed_in("grace@example.com")
    verification = [(await issue_link(users, mail)).json()["token"] for mail in await event_ids(users, USER_REGISTERED)]
    await let_pass(users, "2 minutes")
    await forgot(users)
    [_, later] = [
        (await issue_link(users, mail)).json()["token"] for mail in await event_ids(users, PASSWORD_RESET_REQUESTED, 2)
    ]
    assert (await reset(users, shown)).status_code == 204
    for answer in old:
        assert (await users.client.get("/api/auth/me", headers=bearer(answer))).status_code == 401
        assert (await users.refresh(cookie_of(answer))).status_code == 401
    assert (await reset(users, later)).status_code == 422
    spent = await users.client.post("/api/auth/email/verify", json={"token": verification[0]})
    assert spent.status_code == 422
    assert (await users.client.get("/api/auth/me", headers=grace)).status_code == 200, "hers alone"


async def test_a_token_works_once(users: Users) -> None:
    shown = await mailed(users)
    assert (await reset(users, shown)).status_code == 204
    again = await reset(users, shown, "yet another caravan")
    assert (again.status_code, again.json()["code"]) == (422, "link_invalid")
    assert (await users.login("ada@example.com", NEW)).status_code == 200


async def test_of_fifty_concurrent_uses_of_a_token_one_succeeds(users: Users) -> None:
    shown = await mailed(users)
    passwords = [f"caravan number {number}" for number in range(50)]
    answers = await asyncio.gather(*(reset(users, shown, password) for password in passwords))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [204] + [422] * 49
    assert (await users.login("ada@example.com", passwords[statuses.index(204)])).status_code == 200
    assert len(await event_ids(users, PASSWORD_CHANGED)) == 1


async def test_of_two_concurrent_tokens_one_succeeds(users: Users) -> None:
    await users.register("ada@example.com")
    await forgot(users)
    [mail] = await event_ids(users, PASSWORD_RESET_REQUESTED)
    shown = [(await issue_link(users, mail)).json()["token"] for _ in range(MAX_LINK_TOKENS)]
    answers = await asyncio.gather(*(reset(users, one) for one in shown for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * (4 * MAX_LINK_TOKENS - 1)


async def test_a_sign_in_with_the_old_password_does_not_outlive_the_reset(users: Users) -> None:
    shown = await mailed(users)
    answers = await asyncio.gather(
        *(users.login("ada@example.com") for _ in range(10)),
        reset(users, shown),
        *(users.login("ada@example.com") for _ in range(10)),
    )
    assert answers[10].status_code == 204
    for answer in (*answers[:10], *answers[11:]):
        if answer.status_code == 200:
            assert (await users.client.get("/api/auth/me", headers=bearer(answer))).status_code == 401


async def test_a_token_ends_after_an_hour(users: Users) -> None:
    shown = await mailed(users)
    async with connection_to(users) as connection:
        await connection.execute("update link_token set expires_at = expires_at - interval '59 minutes 30 seconds'")
        assert await connection.fetchval("select count(*) from link_token where expires_at > now()") == 1
        await connection.execute("update link_token set expires_at = expires_at - interval '30 seconds'")
    assert (await reset(users, shown)).status_code == 422
    assert (await users.login("ada@example.com")).status_code == 200


async def test_an_email_that_is_an_hour_late_is_not_sent(users: Users) -> None:
    await users.register("ada@example.com")
    await forgot(users)
    [mail] = await event_ids(users, PASSWORD_RESET_REQUESTED)
    async with connection_to(users) as connection:
        await connection.execute("update link set created_at = created_at - interval '1 hour'")
    late = await issue_link(users, mail)
    assert (late.status_code, late.json()["code"]) == (404, "link_gone")


async def test_an_email_sent_again_carries_another_token_and_the_earlier_ones_work(users: Users) -> None:
    await users.register("ada@example.com")
    await forgot(users)
    [mail] = await event_ids(users, PASSWORD_RESET_REQUESTED)
    shown = [(await issue_link(users, mail)).json()["token"] for _ in range(MAX_LINK_TOKENS + 2)]
    assert len(set(shown)) == len(shown)
    assert [(await reset(users, one)).status_code for one in shown[:2]] == [422, 422], "the oldest make way"
    assert (await reset(users, shown[2])).status_code == 204
    assert [(await reset(users, one)).status_code for one in shown[3:]] == [422] * (MAX_LINK_TOKENS - 1)


async def test_an_email_that_is_written_while_the_password_is_reset_opens_nothing_afterwards(users: Users) -> None:
    shown = await mailed(users)
    [mail] = await event_ids(users, PASSWORD_RESET_REQUESTED)
    done, *answers = await asyncio.gather(
        reset(users, shown), *(issue_link(users, mail) for _ in range(MAX_LINK_TOKENS - 1))
    )
    assert done.status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 404}
    minted = [answer for answer in answers if answer.status_code == 200]
    assert [(await reset(users, one.json()["token"])).status_code for one in minted] == [422] * len(minted)
    async with connection_to(users) as connection:
        assert await connection.fetchval("select count(*) from link_token") == 0


async def test_a_password_that_is_refused_costs_no_token(users: Users) -> None:
    shown = await mailed(users)
    for password in ("password123", "x" * 300):
        answer = await reset(users, shown, password)
        assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert (await reset(users, shown)).status_code == 204


async def test_a_changed_password_ends_the_links_to_set_one(users: Users) -> None:
    shown = await mailed(users)
    ada = bearer(await users.login("ada@example.com"))
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert (await users.client.post("/api/auth/password", json=change, headers=ada)).status_code == 204
    assert (await reset(users, shown, "yet another caravan")).status_code == 422


async def test_an_operator_who_takes_an_account_over_ends_its_links(users: Users) -> None:
    shown = await mailed(users, "root@example.com")
    await create_admin(users.database_url, "root@example.com")
    assert (await reset(users, shown)).status_code == 422


async def test_a_reset_ends_the_delay_after_failed_sign_ins(users: Users) -> None:
    shown = await mailed(users)
    for _ in range(int(PER_ACCOUNT.free)):
        await users.login("ada@example.com", "wrong", {"x-forwarded-for": "203.0.113.7"})
    await reset(users, shown)
    async with connection_to(users) as connection:
        assert not await connection.fetch("select 1 from sign_in_failures where subject like 'account:%'")


async def test_a_disabled_account_gets_no_email_and_its_token_opens_nothing(users: Users) -> None:
    shown = await mailed(users)
    await users.register("grace@example.com")
    async with connection_to(users) as connection:
        await connection.execute("update account set disabled = true where email = 'ada@example.com'")
    assert (await reset(users, shown)).status_code == 422
    await let_pass(users, "2 minutes")
    await forgot(users)
    await forgot(users, "grace@example.com")
    assert len(await event_ids(users, PASSWORD_RESET_REQUESTED, 2)) == 2, "ada's of before, and grace's"


# Whether an address has an account is not revealed


@pytest.mark.parametrize("email", ["nobody@example.com", "ADA@example.com ", "not an address", "", "x" * 320])
async def test_the_answer_is_the_same_for_every_address(users: Users, email: str) -> None:
    await users.register("ada@example.com")
    known, other = await forgot(users), await forgot(users, email)
    assert known.status_code == other.status_code == 202
    assert known.content == other.content
    assert known.headers.keys() == other.headers.keys()


async def test_a_request_runs_the_same_statements_for_every_address(users: Users) -> None:
    """The same SQL statements, for the first and for repeated requests."""
    await users.register("ada@example.com")
    db = Database(users.database_url, size=1)
    await db.open()
    link_emails, run = LinkEmails(db, Feed("user", db)), list[str]()

    def note(query: Any) -> None:
        run.append(query.query)

    async with db.connection() as conn:
        conn.add_query_logger(note)
    work: dict[str, list[list[str]]] = {"ada@example.com": [], "nobody@example.com": []}
    for _ in range(2):
        for email, done in work.items():
            run.clear()
            await link_emails.request("reset_password", email)
            done.append(list(run))
    await db.close()
    assert work["ada@example.com"] == work["nobody@example.com"]
    [[statement], _] = work["ada@example.com"]
    assert "insert into link_asked" in statement


async def test_an_unknown_address_leaves_no_event_and_is_not_kept(users: Users) -> None:
    await users.register("ada@example.com")
    for email in ("nobody@example.com", "somebody@example.com", "ada@example.com"):
        await forgot(users, email)
    await event_ids(users, PASSWORD_RESET_REQUESTED)
    async with connection_to(users) as connection:
        kept = await connection.fetch("select email from link_asked")
        told = await connection.fetchval("select count(*) from event where type = $1", PASSWORD_RESET_REQUESTED)
    assert ([row["email"] for row in kept], told) == ([None] * 3, 1)


# Emails are delayed


async def test_a_repeated_request_sends_one_email_now_and_one_later(users: Users) -> None:
    await users.register("ada@example.com")
    assert {(await forgot(users)).status_code for _ in range(20)} == {202}
    await event_ids(users, PASSWORD_RESET_REQUESTED)
    await users.register("grace@example.com")
    await forgot(users, "grace@example.com")
    assert len(await event_ids(users, PASSWORD_RESET_REQUESTED, 2)) == 2, "hers came, a second to ada did not"
    await forgot(users)
    await let_pass(users, "61 seconds")
    assert len(await event_ids(users, PASSWORD_RESET_REQUESTED, 3)) == 3


async def test_every_email_makes_the_next_one_to_its_address_wait_longer(users: Users) -> None:
    await users.register("ada@example.com")
    waits: list[float] = []
    for count in range(1, 9):
        await forgot(users)
        await event_ids(users, PASSWORD_RESET_REQUESTED, count)
        async with connection_to(users) as connection:
            wait = await connection.fetchval("select extract(epoch from due_at - at)::float8 from link_asked")
            waits.append(wait)
            await connection.execute("update link_asked set due_at = now()")
    assert waits == sorted(waits)
    assert waits[0] == 60
    assert waits[3] > 6 * waits[0]
    assert waits[-1] == 3600
    await let_pass(users, "12 hours")
    await forgot(users)
    await event_ids(users, PASSWORD_RESET_REQUESTED, 9)
    async with connection_to(users) as connection:
        assert await connection.fetchval("select extract(epoch from due_at - at)::float8 from link_asked") == 60


async def test_asking_for_a_link_to_verify_and_one_to_reset_are_counted_apart(users: Users) -> None:
    ada = await users.signed_in()
    await users.client.post("/api/auth/email/resend", headers=ada)
    await forgot(users)
    assert (
        len(await event_ids(users, VERIFICATION_REQUESTED))
        == len(await event_ids(users, PASSWORD_RESET_REQUESTED))
        == 1
    )


async def test_a_request_that_an_instance_left_unanswered_is_answered_by_another(users: Users) -> None:
    await users.register("ada@example.com")
    db = Database(users.database_url, size=1)
    await db.open()
    await LinkEmails(db, Feed("user", db)).request("reset_password", "ada@example.com")
    await db.close()
    await event_ids(users, PASSWORD_RESET_REQUESTED)


async def test_several_instances_answer_each_request_once(users: Users) -> None:
    emails = [f"user{number}@example.com" for number in range(45)]
    async with connection_to(users) as connection:
        await connection.executemany(
            "insert into account (id, email, name, password_hash) values (gen_random_uuid(), $1, 'x', 'x')",
            [(email,) for email in emails],
        )
    db = Database(users.database_url, size=4)
    await db.open()
    feed = Feed("user", db)
    replicas = [asyncio.create_task(LinkEmails(db, feed).run()) for _ in range(3)]
    await asyncio.gather(*(forgot(users, email) for email in emails))
    answered = await event_ids(users, PASSWORD_RESET_REQUESTED, len(emails))
    for replica in replicas:
        replica.cancel()
    await asyncio.gather(*replicas, return_exceptions=True)
    await db.close()
    assert len(answered) == len(emails)


# What is stored


async def test_only_a_hash_is_stored(users: Users) -> None:
    shown = await mailed(users)
    assert len(shown) == 43
    async with connection_to(users) as connection:
        kept = await everything(connection)
        hashes = [row["hash"] for row in await connection.fetch("select hash from link_token")]
    assert shown not in kept
    assert hash_of(shown) in hashes


async def everything(connection: asyncpg.Connection[asyncpg.Record]) -> str:
    """The content of all tables."""
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    rows = [await connection.fetch(f"select t::text from {row['tablename']} t") for row in tables]
    return str(rows)


async def test_old_requests_are_deleted(users: Users) -> None:
    await mailed(users)
    await let_pass(users, "25 hours")
    async with connection_to(users) as connection:
        await connection.execute("update link set created_at = created_at - interval '7 days'")
        async with connection.transaction():
            await store.prune(connection)
            await links.prune(connection)
        for table in ("link", "link_token", "link_asked"):
            assert await connection.fetchval(f"select count(*) from {table}") == 0
