"""One idempotency key creates one resource."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.data.database import Database
from serai.chassis.data.idempotency import IdempotentRequest, InProgress, KeyMalformed, KeyRequired, KeyReused, prune


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    opened = Database(database("order"), size=60)
    await opened.open()
    yield opened
    await opened.close()


def request(caller: str = "user:1", key: str | None = "k", body: bytes = b"{}") -> IdempotentRequest:
    return IdempotentRequest.of(caller, key, "POST", "/api/orders", body)


async def create(db: Database, request: IdempotentRequest, resource: str) -> str:
    async with db.transaction() as tx:
        if (existing := await request.bound_resource(tx)) is not None:
            return existing
        await request.bind(tx, resource)
        return resource


async def test_a_repeated_key_returns_the_first_resource(db: Database) -> None:
    assert await create(db, request(), "first") == "first"
    assert await create(db, request(), "second") == "first"


async def test_another_body_under_the_same_key_is_refused(db: Database) -> None:
    await create(db, request(), "first")
    with pytest.raises(KeyReused):
        await create(db, request(body=b"[]"), "second")


async def test_keys_of_two_callers_are_separate(db: Database) -> None:
    assert await create(db, request("user:1"), "a") == "a"
    assert await create(db, request("user:2"), "b") == "b"


async def test_a_refusal_binds_nothing(db: Database) -> None:
    async def refuse() -> None:
        async with db.transaction() as tx:
            await request().bound_resource(tx)
            await request().bind(tx, "never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refuse()
    assert await create(db, request(), "later") == "later"


async def test_concurrent_requests_create_one_resource(db: Database) -> None:
    """Repeated often, because a request may try the lock just after the creating transaction released it."""

    async def attempt(key: str, number: int) -> str:
        try:
            return await create(db, request(key=key), f"thing-{number}")
        except InProgress:
            return ""

    for key in (f"key-{round_}" for round_ in range(60)):
        existing = set(await asyncio.gather(*(attempt(key, number) for number in range(12)))) - {""}
        assert len(existing) == 1


async def test_without_a_key_every_request_is_new(db: Database) -> None:
    assert await create(db, request(key=None), "a") == "a"
    assert await create(db, request(key=None), "b") == "b"


async def test_while_the_first_request_runs_its_key_is_in_progress_and_other_keys_are_not(db: Database) -> None:
    async with db.transaction() as first:
        assert await request().bound_resource(first) is None
        async with db.transaction() as second:
            with pytest.raises(InProgress):
                await request().bound_resource(second)
            assert await request(key="another").bound_resource(second) is None
            assert await request(caller="user:2").bound_resource(second) is None


async def test_a_key_returns_the_id_of_its_resource_as_text(db: Database) -> None:
    order_id = uuid4()
    async with db.transaction() as tx:
        await request().bind(tx, order_id)
    async with db.transaction() as tx:
        assert await request().bound_resource(tx) == str(order_id)


async def test_keys_are_deleted_after_thirty_days_and_no_sooner(db: Database) -> None:
    for days in (29, 31):
        await create(db, request(key=f"{days} days ago"), "thing")
        async with db.transaction() as tx:
            await tx.execute(
                "update idempotency_key set created_at = now() - make_interval(days => $1) where key = $2",
                days,
                f"{days} days ago",
            )
    await create(db, request(key="today"), "thing")
    async with db.transaction() as tx:
        await prune(tx)
        left = {row["key"] for row in await tx.fetch("select key from idempotency_key")}
    assert left == {"29 days ago", "today"}


def test_a_required_key_must_be_there() -> None:
    with pytest.raises(KeyRequired):
        IdempotentRequest.of("user:1", None, required=True)
    assert IdempotentRequest.of("user:1", None).key is None


def test_a_request_is_the_same_whether_its_parts_come_as_text_or_as_bytes() -> None:
    assert IdempotentRequest.of("c", "k", "POST", b"{}") == IdempotentRequest.of("c", "k", b"POST", b"{}")


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\n", "\x7f", "a\tb"])
def test_refuses_a_malformed_key(key: str) -> None:
    with pytest.raises(KeyMalformed):
        IdempotentRequest.of("user:1", key)


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_different_requests_have_different_fingerprints(a: list[bytes], b: list[bytes]) -> None:
    same = IdempotentRequest.of("c", "k", *a).fingerprint == IdempotentRequest.of("c", "k", *b).fingerprint
    assert same == (a == b)


def test_a_fingerprint_stays_the_same_from_release_to_release() -> None:
    """Keys are kept for thirty days: a client that repeats its request after a deployment must be recognised."""
    assert request().fingerprint.hex() == "9a1f5f1cfbe1401cc521fc9b24e03a1c2491bfff560eb9c6df3af68389e4eb66"
