"""Internal routes: what the order service calls during a checkout."""

from __future__ import annotations

from litestar import post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai.cart import actions
from serai.cart.deps import Deps
from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.cart import CartRequest, CartSnapshot


@post("/internal/carts/current", policy="service", include_in_schema=False, status_code=200)
async def current(request: Request, deps: NamedDependency[Deps], data: JSONBody[CartRequest]) -> CartSnapshot:
    return await actions.snapshot(deps, request.caller.user, data.guest)


@put("/internal/freezes/{order_id:str}", policy="service", include_in_schema=False)
async def freeze(
    request: Request, deps: NamedDependency[Deps], order_id: FromPath[str], data: JSONBody[CartRequest]
) -> CartSnapshot:
    return await actions.freeze(deps, parse_id(order_id), request.caller.user, data.guest)


@post("/internal/freezes/{order_id:str}/clear", policy="service", include_in_schema=False, status_code=204)
async def clear(deps: NamedDependency[Deps], order_id: FromPath[str]) -> None:
    await actions.clear(deps, parse_id(order_id))


@post("/internal/freezes/{order_id:str}/release", policy="service", include_in_schema=False, status_code=204)
async def release(deps: NamedDependency[Deps], order_id: FromPath[str]) -> None:
    await actions.release(deps, parse_id(order_id))


ROUTES = [current, freeze, clear, release]
