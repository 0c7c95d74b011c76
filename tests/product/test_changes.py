"""Changes of products are noted in their own transaction, and dropped from this replica's cache after it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from serai.chassis.data.database import Database
from serai.product.changes import Changes, note_change, noted_changes, prune


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, size=2, name="test")
    await opened.open()
    yield opened
    await opened.close()


async def test_a_committed_change_is_noted_and_dropped_after_its_transaction(db: Database) -> None:
    dropped: list[UUID] = []
    changes = Changes(db, dropped.append)
    product_id = uuid4()
    async with db.connection() as conn:
        seen = (await noted_changes(conn, None, 5.0)).seen
        async with changes.transaction() as (_, changed):
            await changed(product_id)
            # Whoever reads now would keep the product as it was.
            assert dropped == []
            assert (await noted_changes(conn, seen, 5.0)).product_ids == []
        assert dropped == [product_id]
        noted = await noted_changes(conn, seen, 5.0)
        assert (noted.product_ids, noted.listed, noted.everything) == ([product_id], True, False)
        assert (await noted_changes(conn, noted.seen, 5.0)).product_ids == []


async def test_a_change_that_is_undone_is_neither_noted_nor_dropped(db: Database) -> None:
    dropped: list[UUID] = []
    changes = Changes(db, dropped.append)
    async with db.connection() as conn:
        seen = (await noted_changes(conn, None, 5.0)).seen

        async def fail() -> None:
            async with changes.transaction() as (_, changed):
                await changed(uuid4())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert dropped == []
        assert (await noted_changes(conn, seen, 5.0)).product_ids == []


async def test_a_change_of_everything_names_no_product(db: Database) -> None:
    async with db.connection() as conn:
        seen = (await noted_changes(conn, None, 5.0)).seen
        await note_change(conn, None)
        noted = await noted_changes(conn, seen, 5.0)
        assert (noted.product_ids, noted.everything) == ([], True)


async def test_only_old_notes_are_deleted(db: Database) -> None:
    old, new = uuid4(), uuid4()
    async with db.connection() as conn:
        seen = (await noted_changes(conn, None, 5.0)).seen
        await note_change(conn, old)
        await conn.execute("update change set at = now() - interval '11 minutes'")
        await note_change(conn, new)
        await prune(conn)
        assert (await noted_changes(conn, seen, 5.0)).product_ids == [new]
