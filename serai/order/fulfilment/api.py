"""Marking orders shipped and delivered."""

from __future__ import annotations

from litestar import put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from serai.chassis.ids import parse_id
from serai.contracts.order.fulfilment import UpdateOrder
from serai.contracts.order.orders import Order
from serai.order.deps import Deps
from serai.order.fulfilment import actions
from serai.order.orders.api import PRIVATE


@put("/api/orders/{id:str}", needs="orders:fulfil")
async def update_order(id: FromPath[str], data: JSONBody[UpdateOrder], deps: NamedDependency[Deps]) -> Response[Order]:
    """Mark an order shipped or delivered."""
    return Response(await actions.update_order(deps, parse_id(id), data), headers=PRIVATE)


ROUTES = [update_order]
