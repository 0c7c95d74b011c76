"""Orders for their buyers and for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Response

from serai.chassis.errors import Forbidden
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor, page_of
from serai.chassis.ids import parse_id
from serai.contracts.order import Order, OrderStats, OrderStatus, PlaceOrder, Quote, QuoteAsked, UpdateOrder
from serai.order import actions, store
from serai.order.actions import Placed
from serai.order.deps import Deps

Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@post("/api/orders/quote", policy="signed_in", status_code=200, idempotency="none")
async def quote_order(request: Request, data: JSONBody[QuoteAsked], deps: NamedDependency[Deps]) -> Response[Quote]:
    """The totals and shipping methods that placing this order would use."""
    answer = await actions.quote(deps, request.caller.user, data, request.cookies.get(deps.guest_cookie))
    return Response(answer, headers=_PRIVATE)


@post(
    "/api/orders",
    policy="signed_in",
    fresh=True,
    rate_limit="orders",
    timeout_s=20,
    idempotency="required",
    also=(202,),
)
async def place_order(request: Request, data: JSONBody[PlaceOrder], deps: NamedDependency[Deps]) -> Response[Order]:
    """Order the whole cart: 201 when the payment page is ready, 202 when it is still being prepared."""
    once = await request.once()
    placed = await actions.place_order(deps, request.caller, data, request.cookies.get(deps.guest_cookie), once)
    return _answer(placed, 201 if placed.settled else 202)


@get("/api/orders", policy="signed_in")
async def list_orders(
    request: Request,
    deps: NamedDependency[Deps],
    status: FromQuery[OrderStatus | None] = None,
    everybody: Annotated[bool, QueryParameter(name="all")] = False,
    q: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> Response[Page[Order]]:
    """The caller's orders, newest first; for an admin with `all=true` everybody's."""
    if (everybody or q is not None) and not request.caller.is_admin:
        raise Forbidden
    before = decode_cursor(cursor, "orders", (UUID,))
    start = before[0] if before else None
    async with deps.db.connection() as conn:
        if everybody:
            orders = await store.all_orders(conn, status, q, start, limit + 1)
        else:
            orders = await store.orders_of(conn, request.caller.user, status, start, limit + 1)
    page = page_of(orders, limit, lambda order: encode_cursor("orders", order.id))
    return Response(page, headers=_PRIVATE)


@get("/api/orders/stats", policy="admin")
async def order_stats(
    deps: NamedDependency[Deps],
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    by: FromQuery[Literal["day"]] = "day",
) -> Response[OrderStats]:
    """Orders, revenue and refunds over time."""
    return Response(await actions.stats(deps, since, until), headers=_PRIVATE)


@get("/api/orders/{id:str}", policy="signed_in", urgent=True)
async def get_order(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Order]:
    return Response(await actions.read_order(deps, request.caller, parse_id(id)), headers=_PRIVATE)


@put("/api/orders/{id:str}", policy="admin")
async def update_order(id: FromPath[str], data: JSONBody[UpdateOrder], deps: NamedDependency[Deps]) -> Response[Order]:
    """Mark an order shipped or delivered."""
    return Response(await actions.update_order(deps, parse_id(id), data), headers=_PRIVATE)


@post("/api/orders/{id:str}/cancel", policy="signed_in", fresh=True, status_code=200, timeout_s=20, also=(202,))
async def cancel_order(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Order]:
    """Cancel an unpaid order; as an admin also a paid one, which refunds it. 202 while Stripe has not said."""
    placed = await actions.cancel_order(deps, request.caller, parse_id(id), await request.once())
    return _answer(placed, 200 if placed.settled else 202)


_PRIVATE = {"cache-control": "no-store"}


def _answer(placed: Placed, status: int) -> Response[Order]:
    headers = {**_PRIVATE, "location": f"/api/orders/{placed.order.id}"}
    if placed.replayed:
        headers["idempotent-replayed"] = "true"
    return Response(placed.order, status_code=status, headers=headers)
