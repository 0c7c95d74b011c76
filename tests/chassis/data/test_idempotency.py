"""One key, one thing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.data.database import Database
from serai.chassis.data.idempotency import IdempotentRequest, InProgress, KeyMalformed, KeyRequired, KeyReused


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    opened = Database(database("order"), size=60)
    await opened.open()
    yield opened
    await opened.close()


def once(caller: str = "user:1", key: str | None = "k", body: bytes = b"{}") -> IdempotentRequest:
    return IdempotentRequest.of(caller, key, "POST", "/api/orders", body)


async def make(db: Database, asked: IdempotentRequest, resource: str) -> str:
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


def test_a_required_key_must_be_there() -> None:
    with pytest.raises(KeyRequired):
        IdempotentRequest.of("user:1", None, required=True)


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\n", "\x7f", "a\tb"])
def test_refuses_a_malformed_key(key: str) -> None:
    with pytest.raises(KeyMalformed):
        IdempotentRequest.of("user:1", key)


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_different_requests_have_different_fingerprints(a: list[bytes], b: list[bytes]) -> None:
    same = IdempotentRequest.of("c", "k", *a).fingerprint == IdempotentRequest.of("c", "k", *b).fingerprint
    assert same == (a == b)
