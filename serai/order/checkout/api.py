"""Quoting, placing and cancelling orders."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.order.checkout import PlaceOrder, Quote, QuoteRequest
from serai.contracts.order.orders import Order
from serai.order.checkout import actions
from serai.order.checkout.actions import Placed
from serai.order.deps import Deps
from serai.order.orders.api import PRIVATE


@post("/api/orders/quote", policy="signed_in", status_code=200, idempotency="none")
async def quote_order(request: Request, data: JSONBody[QuoteRequest], deps: NamedDependency[Deps]) -> Response[Quote]:
    """The totals and shipping methods that placing this order would use."""
    answer = await actions.quote(deps, request.caller.user, data, request.cookies.get(deps.guest_cookie))
    return Response(answer, headers=PRIVATE)


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
    once = await request.idempotency()
    placed = await actions.place_order(deps, request.caller, data, request.cookies.get(deps.guest_cookie), once)
    return _answer(placed, 201 if placed.settled else 202)


@post(
    "/api/orders/{id:str}/cancel",
    policy="signed_in",
    more_with=("orders:cancel",),
    fresh=True,
    status_code=200,
    timeout_s=20,
    also=(202,),
)
async def cancel_order(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Order]:
    """Cancel an unpaid order; with `orders:cancel` also a paid one, which refunds it. 202 while Stripe has not said."""
    placed = await actions.cancel_order(deps, request.caller, parse_id(id), await request.idempotency())
    return _answer(placed, 200 if placed.settled else 202)


def _answer(placed: Placed, status: int) -> Response[Order]:
    headers = {**PRIVATE, "location": f"/api/orders/{placed.order.id}"}
    if placed.replayed:
        headers["idempotent-replayed"] = "true"
    return Response(placed.order, status_code=status, headers=headers)


ROUTES = [quote_order, place_order, cancel_order]
