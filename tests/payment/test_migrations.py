"""Rows that an earlier version has written are right after the migration, and after its rollback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from serai.chassis.data.database import Connection, Database
from serai.payment import refund_store, store
from serai.payment.domain import Account, AttemptState, Payment, PaymentState, RefundState
from serai.supervisor import databases

#: A payment as the first migration has it. `$3` is the buyer, `$4` the number of the attempt that was paid.
_PAYMENT = """insert into payment (id, order_id, state, user_id, amount, currency, payable_until, asked, paid_n,
                                   refund_reserved, refunded)
              values ($1, $2, $3, $4, 5000, 'USD', now() + interval '1 hour', $5, $6, $7, $8)"""
_ATTEMPT = """insert into attempt (payment_id, n, kind, key, request, state, intent_id, expires_at)
              values ($1, $2, 'session', gen_random_uuid()::text, '{}', $3, $4, now())"""
_REFUND = """insert into refund (id, payment_id, n, asked_key, asked, intent_id, amount, state, duplicate)
             values (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8)"""


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    db = Database(url, size=1)
    await db.open()
    try:
        async with db.connection() as conn:
            yield conn
    finally:
        await db.close()


async def insert_payment(
    conn: Connection, state: str, attempts: list[tuple[str, str | None]], *, reserved: int = 0, refunded: int = 0
) -> UUID:
    """A payment of an earlier version; of its attempts the first that succeeded was paid. Returns the order id."""
    payment_id, order_id, user_id = uuid4(), uuid4(), uuid4()
    request = {
        "number": "S-100042",
        "amount": {"amount": 5000, "currency": "USD"},
        "user_id": str(user_id),
        "email": "ada@example.com",
        "lines": [{"name": "Desk", "quantity": 1, "unit_price": {"amount": 5000, "currency": "USD"}}],
        "payable_until": "2026-01-01T00:00:00Z",
    }
    paid_n = next((n for n, (attempt, _) in enumerate(attempts, 1) if attempt == "succeeded"), None)
    await conn.execute(_PAYMENT, payment_id, order_id, state, user_id, request, paid_n, reserved, refunded)
    for n, (attempt, intent_id) in enumerate(attempts, 1):
        await conn.execute(_ATTEMPT, payment_id, n, attempt, intent_id)
    return order_id


async def insert_refunds(conn: Connection, order_id: UUID, refunds: list[tuple[str, int, str, bool]]) -> None:
    """Each refund is given by (intent id, amount, state, duplicate)."""
    payment_id = await conn.fetchval("select id from payment where order_id = $1", order_id)
    for n, (intent_id, amount, state, duplicate) in enumerate(refunds, 1):
        request = {"key": f"key {n}", "amount": None, "reason": None, "restock": None}
        await conn.execute(_REFUND, payment_id, n, f"key {n}", request, intent_id, amount, state, duplicate)


async def read(conn: Connection, order_id: UUID) -> Payment:
    payment = await store.payment_of_order(conn, order_id)
    assert payment is not None
    return payment


async def test_payments_and_tombstones_of_an_earlier_version_are_found_after_the_migration(
    database: Callable[[str], str],
) -> None:
    url, tombstone = database("payment"), uuid4()
    async with connection(url) as conn:
        await databases.dbmate("payment", url, "rollback")
        await conn.execute(
            "insert into payment (id, order_id, state, closed_at) values ($1, $2, 'closed', now())", uuid4(), tombstone
        )
        open_order = await insert_payment(conn, "open", [("ended", None), ("open", "pi_open")])
        closed_order = await insert_payment(conn, "closed", [("ended", "pi_closed")])
        await databases.dbmate("payment", url, "migrate")

        assert await store.payment_of_order(conn, tombstone) is None
        assert (await store.lock_or_insert_tombstone(conn, uuid4(), tombstone))[1] is PaymentState.CLOSED
        (row,) = await conn.fetch("select tombstone, email from payment where order_id = $1", tombstone)
        assert (row["tombstone"], row["email"]) == (True, None)
        opened = await read(conn, open_order)
        assert (opened.state, opened.email, opened.account) == (PaymentState.OPEN, "ada@example.com", Account())
        assert opened.attempt is not None
        assert (opened.attempt.n, opened.attempt.state) == (2, AttemptState.OPEN)
        assert (await store.opening_request(conn, opened.id)).number == "S-100042"
        assert (await read(conn, closed_order)).state is PaymentState.CLOSED


async def test_charges_of_an_earlier_version_get_the_totals_of_their_refunds(database: Callable[[str], str]) -> None:
    url = database("payment")
    async with connection(url) as conn:
        await databases.dbmate("payment", url, "rollback")
        charged = await insert_payment(conn, "succeeded", [("succeeded", "pi_1")])
        order_id = await insert_payment(
            conn, "succeeded", [("succeeded", "pi_2"), ("succeeded", "pi_3")], reserved=1700, refunded=1200
        )
        await insert_refunds(
            conn,
            order_id,
            [
                ("pi_2", 1200, "succeeded", False),
                ("pi_2", 300, "failed", False),
                ("pi_2", 400, "created", False),
                ("pi_2", 100, "pending", False),
                # The buyer paid twice, so the second charge is refunded.
                ("pi_3", 5000, "succeeded", True),
            ],
        )
        await databases.dbmate("payment", url, "migrate")

        assert (await read(conn, charged)).account == Account(captured=5000)
        payment = await read(conn, order_id)
        assert payment.account == Account(captured=5000, refund_pending=500, refunded=1200, refund_failed=300)
        assert await store.account(conn, payment.id, "pi_3") == Account(captured=5000, refunded=5000)
        stored = await refund_store.refund_of_key(conn, payment.id, "key 2")
        assert stored is not None
        assert (stored[0].state, stored[1].key) == (RefundState.FAILED, "key 2")

        await databases.dbmate("payment", url, "rollback")
        (row,) = await conn.fetch("select refund_reserved, refunded, asked from payment where order_id = $1", order_id)
        assert (row["refund_reserved"], row["refunded"], row["asked"]["number"]) == (1700, 1200, "S-100042")
        await databases.dbmate("payment", url, "migrate")
        assert (await read(conn, order_id)).account == payment.account
