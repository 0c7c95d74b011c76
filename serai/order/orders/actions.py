"""Reading orders, for their buyers and for those who may read everybody's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from serai.chassis.auth.principal import Principal
from serai.chassis.errors import Invalid, NotFound
from serai.chassis.http.page import Page, decode_cursor, encode_cursor, page_of
from serai.commerce.money import Money
from serai.contracts.order.orders import DayStats, Order, OrderStats, OrderStatus
from serai.order.deps import Deps
from serai.order.orders import store

_MAX_STATS_DAYS = 400


async def list_orders(
    deps: Deps,
    caller: Principal,
    *,
    status: OrderStatus | None,
    everybody: bool,
    q: str | None,
    limit: int,
    cursor: str | None,
) -> Page[Order]:
    """The caller's orders, newest first; with `everybody` those of all buyers, searched by `q`. Raises `Forbidden`
    for more than their own without `orders:read`, `Invalid` for a cursor of another list."""
    if everybody or q is not None:
        caller.require("orders:read")
    before = decode_cursor(cursor, "orders", (UUID,))
    start = before[0] if before else None
    async with deps.database.connection() as conn:
        if everybody:
            orders = await store.all_orders(conn, status, q, start, limit + 1)
        else:
            orders = await store.orders_of(conn, caller.user, status, start, limit + 1)
    return page_of(orders, limit, lambda order: encode_cursor("orders", order.id))


async def read_order(deps: Deps, caller: Principal, order_id: UUID) -> Order:
    """The caller's order, or with `orders:read` any. Raises `NotFound`."""
    if caller.may("orders:read"):
        return await read_order_as_system(deps, order_id)
    return await read_order_of_buyer(deps, caller.user, order_id)


async def read_order_of_buyer(deps: Deps, user_id: UUID, order_id: UUID) -> Order:
    """Raises `NotFound`, for somebody else's order too."""
    async with deps.database.connection() as conn:
        order = await store.order_of(conn, user_id, order_id)
    if order is None:
        raise NotFound
    return order


async def read_order_as_system(deps: Deps, order_id: UUID) -> Order:
    """Anybody's order, for code that has already decided that its caller may have it. Raises `NotFound`."""
    async with deps.database.connection() as conn:
        found = await store.any_order(conn, order_id)
    if found is None:
        raise NotFound
    return found.order


async def stats(deps: Deps, since: datetime | None, until: datetime | None) -> OrderStats:
    """Orders, revenue and refunds by day, the last 30 days unless told otherwise. Raises `Invalid`."""
    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=30)
    if since.tzinfo is None or until.tzinfo is None:
        raise Invalid("Give a time with its offset, such as 2026-01-31T00:00:00Z.", field="since")
    if since >= until or until - since > timedelta(days=_MAX_STATS_DAYS):
        raise Invalid(f"Give a range of at most {_MAX_STATS_DAYS} days that begins before it ends.", field="since")
    async with deps.database.connection() as conn:
        days = await store.stats_by_day(conn, since, until)
    currency = deps.rules.currency
    return OrderStats(
        items=[
            DayStats(day.date(), orders, Money(revenue, currency), Money(refunds, currency))
            for day, orders, revenue, refunds in days
        ],
        orders=sum(orders for _, orders, _, _ in days),
        revenue=Money(sum(revenue for _, _, revenue, _ in days), currency),
        refunds=Money(sum(refunds for _, _, _, refunds in days), currency),
    )
