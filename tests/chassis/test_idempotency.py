"""One key, one thing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.db import Database
from serai.chassis.idempotency import InProgress, KeyMalformed, KeyRequired, KeyReused, Once, prune


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    opened = Database(database("order"), size=60)
    await opened.open()
    yield opened
    await opened.close()


def once(caller: str = "user:1", key: str | None = "k", body: bytes = b"{}") -> Once:
    return Once.of(caller, key, "POST", "/api/orders", body)


async def make(db: Database, asked: Once, resource: str) -> str:
    async with db.transaction() as tx:
        if (made := await asked.made(tx)) is not None:
            return made
        await asked.bind(tx, resource)
        return resource


async def test_the_same_key_answers_what_it_made(db: Database) -> None:
    assert await make(db, once(), "first") == "first"
    assert await make(db, once(), "second") == "first"


async def test_another_body_under_the_same_key_is_refused(db: Database) -> None:
    await make(db, once(), "first")
    with pytest.raises(KeyReused):
        await make(db, once(body=b"[]"), "second")


async def test_keys_of_two_callers_are_two_keys(db: Database) -> None:
    assert await make(db, once("user:1"), "a") == "a"
    assert await make(db, once("user:2"), "b") == "b"


async def test_a_refusal_binds_nothing(db: Database) -> None:
    async def refuse() -> None:
        async with db.transaction() as tx:
            await once().made(tx)
            await once().bind(tx, "never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refuse()
    assert await make(db, once(), "later") == "later"


async def test_many_at_once_make_one_thing(db: Database) -> None:
    """Time and again, for one of them may try the lock just when the one that made the thing has let it go."""

    async def attempt(key: str, number: int) -> str:
        try:
            return await make(db, once(key=key), f"thing-{number}")
        except InProgress:
            return ""

    for key in (f"key-{round_}" for round_ in range(60)):
        made = set(await asyncio.gather(*(attempt(key, number) for number in range(12)))) - {""}
        assert len(made) == 1


async def test_without_a_key_every_request_is_its_own(db: Database) -> None:
    assert await make(db, once(key=None), "a") == "a"
    assert await make(db, once(key=None), "b") == "b"


async def test_while_the_first_request_runs_the_key_is_in_progress_and_other_keys_are_not(db: Database) -> None:
    async with db.transaction() as first:
        assert await once().made(first) is None
        async with db.transaction() as second:
            with pytest.raises(InProgress):
                await once().made(second)
            assert await once(key="another").made(second) is None
            assert await once(caller="user:2").made(second) is None


async def test_a_key_answers_the_id_of_what_it_made_as_text(db: Database) -> None:
    order_id = uuid4()
    async with db.transaction() as tx:
        await once().bind(tx, order_id)
    async with db.transaction() as tx:
        assert await once().made(tx) == str(order_id)


async def test_keys_are_forgotten_after_thirty_days_and_no_sooner(db: Database) -> None:
    for days in (29, 31):
        await make(db, once(key=f"{days} days ago"), "thing")
        async with db.transaction() as tx:
            await tx.execute(
                "update idempotency_key set created_at = now() - make_interval(days => $1) where key = $2",
                days,
                f"{days} days ago",
            )
    await make(db, once(key="today"), "thing")
    async with db.transaction() as tx:
        await prune(tx)
        left = {row["key"] for row in await tx.fetch("select key from idempotency_key")}
    assert left == {"29 days ago", "today"}


def test_a_required_key_must_be_there() -> None:
    with pytest.raises(KeyRequired):
        Once.of("user:1", None, required=True)
    assert Once.of("user:1", None).key is None


def test_a_request_is_the_same_whether_its_parts_come_as_text_or_as_bytes() -> None:
    assert Once.of("c", "k", "POST", b"{}") == Once.of("c", "k", b"POST", b"{}")


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\n", "\x7f", "a\tb"])
def test_refuses_a_malformed_key(key: str) -> None:
    with pytest.raises(KeyMalformed):
        Once.of("user:1", key)


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_different_requests_have_different_fingerprints(a: list[bytes], b: list[bytes]) -> None:
    same = Once.of("c", "k", *a).fingerprint == Once.of("c", "k", *b).fingerprint
    assert same == (a == b)


def test_a_fingerprint_outlives_the_release_that_made_it() -> None:
    """Keys are kept for thirty days: a client that repeats its request after a deployment must be recognised."""
    assert once().fingerprint.hex() == "9a1f5f1cfbe1401cc521fc9b24e03a1c2491bfff560eb9c6df3af68389e4eb66"
