"""What other services may ask of orders."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from serai.chassis.errors import NotFound
from serai.chassis.ids import parse_id
from serai.contracts.order.client import OrderForMail
from serai.order.deps import Deps
from serai.order.orders import store


@get("/internal/orders/{id:str}", policy="service", include_in_schema=False)
async def order_for_mail(id: FromPath[str], deps: NamedDependency[Deps]) -> OrderForMail:
    async with deps.database.connection() as conn:
        found = await store.any_order(conn, parse_id(id))
    if found is None:
        raise NotFound
    return found


ROUTES = [order_for_mail]
