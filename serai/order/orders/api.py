"""Orders for their buyers and for those who may read everybody's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, Page
from serai.chassis.ids import parse_id
from serai.contracts.order.orders import Order, OrderStats, OrderStatus
from serai.order.deps import Deps
from serai.order.orders import actions

Limit = Annotated[int, QueryParameter(ge=1, le=100)]

#: Answers about a person's orders are in nobody's cache.
PRIVATE = {"cache-control": "no-store"}


@get("/api/orders", policy="signed_in", more_with=("orders:read",))
async def list_orders(
    request: Request,
    deps: NamedDependency[Deps],
    status: FromQuery[OrderStatus | None] = None,
    everybody: Annotated[bool, QueryParameter(name="all")] = False,
    q: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> Response[Page[Order]]:
    """The caller's orders, newest first; with `all=true` and `orders:read` everybody's."""
    page = await actions.list_orders(
        deps, request.caller, status=status, everybody=everybody, q=q, limit=limit, cursor=cursor
    )
    return Response(page, headers=PRIVATE)


@get("/api/orders/stats", needs="reports:read")
async def order_stats(
    deps: NamedDependency[Deps],
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    by: FromQuery[Literal["day"]] = "day",
) -> Response[OrderStats]:
    """Orders, revenue and refunds over time."""
    return Response(await actions.stats(deps, since, until), headers=PRIVATE)


@get("/api/orders/{id:str}", policy="signed_in", more_with=("orders:read",), urgent=True)
async def get_order(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Order]:
    return Response(await actions.read_order(deps, request.caller, parse_id(id)), headers=PRIVATE)


ROUTES = [list_orders, order_stats, get_order]
