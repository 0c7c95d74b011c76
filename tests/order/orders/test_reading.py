"""Lists of orders and the figures that admins see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from serai.chassis.errors import Invalid
from serai.contracts.payment import RefundRequest
from serai.order.orders import actions, store
from tests.order.checkout.shop import TOTAL, Shop, usd

DAY = datetime(2026, 1, 31, tzinfo=UTC)


async def move_to(shop: Shop, order_id: UUID, paid_at: datetime) -> None:
    """Have an order paid, and what was given back of it given back, at another time."""
    await shop.sql("update orders.orders set paid_at = $2 where id = $1", order_id, paid_at)
    await shop.sql("update orders.refund set at = $2 where order_id = $1", order_id, paid_at)


async def mine(shop: Shop, status: str | None = None, before: UUID | None = None, limit: int = 10) -> list[UUID]:
    async with shop.db.connection() as conn:
        return [order.id for order in await store.orders_of(conn, shop.user_id, status, before, limit)]


async def everybodys(shop: Shop, q: str | None = None, status: str | None = None) -> list[UUID]:
    async with shop.db.connection() as conn:
        return [order.id for order in await store.all_orders(conn, status, q, None, 10)]


async def test_days_without_orders_are_shown_and_refunds_count_on_their_own_day(lone_shop: Shop) -> None:
    first = await lone_shop.done()
    second = await lone_shop.done()
    await lone_shop.payment.refund(second.order_id, RefundRequest("part", usd(100)))
    await lone_shop.hear()
    await move_to(lone_shop, first.order_id, DAY)
    await move_to(lone_shop, second.order_id, DAY + timedelta(hours=47, minutes=59))
    stats = await actions.stats(lone_shop.deps, DAY, DAY + timedelta(days=3))
    assert [(one.day.day, one.orders, one.revenue.amount, one.refunds.amount) for one in stats.items] == [
        (31, 1, TOTAL, 0),
        (1, 1, TOTAL, 100),
        (2, 0, 0, 0),
    ]
    assert (stats.orders, stats.revenue, stats.refunds) == (2, usd(2 * TOTAL), usd(100))


async def test_figures_begin_with_their_first_moment_and_end_before_their_last(lone_shop: Shop) -> None:
    order = await lone_shop.done()
    await move_to(lone_shop, order.order_id, DAY)
    until = DAY + timedelta(days=1)
    assert (await actions.stats(lone_shop.deps, DAY, until)).orders == 1
    assert (await actions.stats(lone_shop.deps, DAY - timedelta(days=1), DAY)).orders == 0


async def test_an_order_that_was_not_paid_is_no_revenue(lone_shop: Shop) -> None:
    await lone_shop.awaiting_payment()
    stats = await actions.stats(lone_shop.deps, None, None)
    assert (stats.orders, stats.revenue) == (0, usd(0))
    assert len(stats.items) in (30, 31)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (DAY, DAY),
        (DAY, DAY - timedelta(days=1)),
        (DAY, DAY + timedelta(days=401)),
        (DAY.replace(tzinfo=None), DAY + timedelta(days=1)),
        (DAY, (DAY + timedelta(days=1)).replace(tzinfo=None)),
    ],
)
async def test_refuses_a_range_that_makes_no_sense(shop: Shop, since: datetime, until: datetime) -> None:
    with pytest.raises(Invalid):
        await actions.stats(shop.deps, since, until)


async def test_a_buyers_orders_come_newest_first_and_rejected_ones_only_when_asked_for(shop: Shop) -> None:
    first = (await shop.done()).order_id
    rejected = (await shop.drive(await shop.accept(0))).order_id
    last = (await shop.done()).order_id
    other = Shop(shop.db, "")
    await other.done()
    assert await mine(shop) == [last, first]
    assert await mine(shop, "rejected") == [rejected]
    assert await mine(shop, "paid") == [last, first]
    assert await mine(shop, limit=1) == [last]
    assert await mine(shop, before=last) == [first]


async def test_admins_find_orders_by_number_and_by_how_an_address_begins(lone_shop: Shop) -> None:
    paid = (await lone_shop.done()).order_id
    rejected = (await lone_shop.drive(await lone_shop.accept(0))).order_id
    number = (await lone_shop.order(paid)).number
    assert number is not None
    assert await everybodys(lone_shop) == [paid]
    assert await everybodys(lone_shop, status="rejected") == [rejected]
    assert await everybodys(lone_shop, number.lower()) == [paid]
    assert await everybodys(lone_shop, number[:-1]) == []
    assert await everybodys(lone_shop, "ADA@ex") == [paid]
    assert await everybodys(lone_shop, "example.com") == []
