"""The saga's lease and fence, on PostgreSQL: one driver at a time, and whoever was overtaken writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from asyncpg.connection import LoggedQuery

from serai.chassis.data.database import Database
from serai.chassis.data.feed import new_event
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.ids import new_id
from serai.commerce.address import Address
from serai.order.checkout import store
from serai.order.checkout.domain import Context, Saga, State
from serai.order.checkout.store import Due
from serai.order.orders.store import StatusUpdate

AT_ONCE = Due(leased=True)
ADDRESS = Address("Ada", "1 Caravan Road", "Samarkand", "140100", "UZ")


@pytest.fixture
async def db(database: Callable[[str], str]) -> AsyncIterator[Database]:
    opened = Database(database("order"), size=12)
    await opened.open()
    yield opened
    await opened.close()


async def accepted(db: Database, key: str = "k") -> Saga:
    saga = await accept(db, key)
    assert saga is not None
    return saga


async def accept(db: Database, key: str) -> Saga | None:
    async with db.connection() as conn:
        return await store.insert_order(
            conn,
            IdempotentRequest.of("user:1", key),
            order_id=new_id(),
            email="ada@example.com",
            currency="USD",
            shipping_address=ADDRESS,
            billing_address=None,
            note=None,
            context=Context(user_id=uuid4(), key=key),
            now=datetime.now(UTC),
        )


async def save(db: Database, old: Saga, new: Saga, due: Due = AT_ONCE) -> Saga | None:
    async with db.connection() as conn:
        return await store.save_saga(conn, old, new, due)


async def claim_due(db: Database) -> list[Saga]:
    async with db.transaction() as tx:
        return await store.claim_due(tx, 100)


async def let_lease_end(db: Database, order_id: UUID) -> None:
    async with db.transaction() as tx:
        await tx.execute("update checkout.saga set lease_until = '-infinity' where order_id = $1", order_id)


async def test_a_new_saga_belongs_to_whoever_accepted_it(db: Database) -> None:
    await accepted(db)
    assert await claim_due(db) == []


async def test_any_worker_takes_over_when_the_lease_has_ended(db: Database) -> None:
    saga = await accepted(db)
    await let_lease_end(db, saga.order_id)
    claimed = await asyncio.gather(*(claim_due(db) for _ in range(8)))
    assert [one.order_id for some in claimed for one in some] == [saga.order_id]


async def test_a_driver_that_was_overtaken_writes_nothing(db: Database) -> None:
    frozen = await accepted(db)
    await let_lease_end(db, frozen.order_id)
    [taken_over] = await claim_due(db)
    assert await save(db, frozen, frozen.to(State.CART_FROZEN)) is None
    assert await save(db, taken_over, taken_over.to(State.CART_FROZEN)) is not None


async def test_a_driver_that_was_overtaken_changes_no_order_and_tells_nothing(db: Database) -> None:
    frozen = await accepted(db)
    await let_lease_end(db, frozen.order_id)
    await claim_due(db)
    told = StatusUpdate(("rejected",), datetime.now(UTC), new_event("order.rejected", {}))
    async with db.connection() as conn:
        assert await store.save_saga(conn, frozen, frozen.to(State.REJECTED), Due(), order=told) is None
        assert await conn.fetchval("select status from orders.orders") == "pending"
        assert await conn.fetchval("select count(*) from event") == 0


async def test_one_commit_moves_the_order_and_tells_of_it(db: Database) -> None:
    saga = await accepted(db)
    told = StatusUpdate(("rejected",), datetime.now(UTC), new_event("order.rejected", {"n": 1}))
    async with db.connection() as conn:
        assert await store.save_saga(conn, saga, saga.to(State.REJECTED), Due(), order=told) is not None
        row = await conn.fetchrow(
            "select o.status, jsonb_array_length(o.history) as entries, e.type, e.subject from orders.orders o, event e"
        )
    assert row is not None
    assert tuple(row) == ("rejected", 2, "order.rejected", str(saga.order_id))


async def test_a_key_makes_one_order(db: Database) -> None:
    made = await asyncio.gather(*(accept(db, "twice") for _ in range(8)))
    assert len([saga for saga in made if saga is not None]) == 1


async def test_a_stale_version_writes_nothing(db: Database) -> None:
    saga = await accepted(db)
    moved = await save(db, saga, saga.to(State.CART_FROZEN))
    assert moved is not None
    assert await save(db, saga, saga.to(State.REJECTED)) is None
    assert moved.version == saga.version + 1


async def test_a_fact_from_outside_fences_off_the_driver(db: Database) -> None:
    saga = await accepted(db)
    async with db.transaction() as tx:
        locked = await store.lock_saga(tx, saga.order_id)
        assert locked is not None
        await store.interrupt_saga(tx, locked, replace(locked, state=State.PAID))
    assert await save(db, saga, saga.to(State.CART_FROZEN)) is None
    assert [one.state for one in await claim_due(db)] == [State.PAID]


async def test_a_resting_saga_is_not_due(db: Database) -> None:
    saga = await accepted(db)
    rejected = await save(db, saga, saga.to(State.REJECTED), Due())
    assert rejected is not None
    assert await claim_due(db) == []


async def test_sagas_that_rest_are_not_gone_through_to_find_those_that_are_due(database: Callable[[str], str]) -> None:
    db = Database(database("order"), size=1, scans=False)
    await db.open()
    said: list[LoggedQuery] = []
    async with db.transaction() as tx:
        with tx.query_logger(said.append):
            await store.claim_due(tx, 10)
            await asyncio.sleep(0)
        plan = "\n".join([row[0] for row in await tx.fetch(f"explain {said[0].query}", *said[0].args)])
    await db.close()
    assert "Index Scan using checkout_due" in plan, plan
    assert "Seq Scan" not in plan, plan


async def test_nobody_can_claim_a_saga_that_rests(db: Database) -> None:
    """Awaiting payment, driving it on would mean closing it."""
    saga = await accepted(db)
    for state in (State.CART_FROZEN, State.STOCK_HELD, State.PRICED, State.PAYMENT_OPENING):
        moved = await save(db, saga, saga.to(state))
        assert moved is not None
        saga = moved
    async with db.transaction() as tx:
        later = datetime.now(UTC) + timedelta(minutes=47)
        assert await store.save_saga(tx, saga, saga.to(State.AWAITING_PAYMENT), Due(run_at=later))
        assert await store.claim(tx, saga.order_id) is None
        await tx.execute("update checkout.saga set next_run_at = now()")
        assert await store.claim(tx, saga.order_id) is not None


async def test_a_cancel_is_carried_on_when_whoever_began_it_dies(db: Database) -> None:
    """However late the saga was to be looked at again before."""
    saga = await accepted(db)
    later = datetime.now(UTC) + timedelta(minutes=47)
    waiting = await save(db, saga, replace(saga, state=State.AWAITING_PAYMENT), Due(run_at=later))
    assert waiting is not None
    async with db.transaction() as tx:
        await store.interrupt_saga(tx, waiting, waiting.to(State.CANCELLING), lease=True)
    assert await claim_due(db) == []
    await let_lease_end(db, saga.order_id)
    assert [one.state for one in await claim_due(db)] == [State.CANCELLING]


async def test_a_failed_step_is_due_again_later(db: Database) -> None:
    saga = await accepted(db)
    assert await save(db, saga, replace(saga, attempts=1), Due(3600)) is not None
    assert await claim_due(db) == []
    async with db.transaction() as tx:
        await tx.execute("update checkout.saga set next_run_at = now()")
    assert [one.attempts for one in await claim_due(db)] == [1]


async def test_a_saga_of_newer_code_is_left_alone(db: Database) -> None:
    saga = await accepted(db)
    await let_lease_end(db, saga.order_id)
    async with db.transaction() as tx:
        await tx.execute("update checkout.saga set definition_version = definition_version + 1")
    assert await claim_due(db) == []
