"""Public routes of the cart service.

A guest is known by a cookie that only our own pages send (`SameSite=Strict`: every request for a cart is made by a
page of ours, none by following a link). Whoever brings an access token as well is a customer, and the cookie ends.
"""

from __future__ import annotations

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai.cart import actions
from serai.cart.actions import Visit
from serai.cart.deps import Deps
from serai.cart.domain import GUEST_LIFE
from serai.chassis.auth import refuse_foreign_origin
from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.cart import Cart, ItemAdded, QuantitySet


@get("/api/cart", policy="optional")
async def get_cart(request: Request, deps: NamedDependency[Deps]) -> Response[Cart]:
    visit = await _visit(request, deps)
    return _answer(request, deps, visit, await actions.show(deps, visit.cart))


@post("/api/cart/items", policy="optional", status_code=200)
async def add_item(request: Request, deps: NamedDependency[Deps], data: JSONBody[ItemAdded]) -> Response[Cart]:
    _refuse_other_sites(request, deps)
    visit = await _visit(request, deps)
    once = await request.idempotency(caller=visit.key_caller)
    cart, repeated = await actions.add_item(deps, visit, data, once)
    response = _answer(request, deps, visit, cart, changed=True)
    if repeated:
        response.set_header("Idempotent-Replayed", "true")
    return response


@put("/api/cart/items/{id:str}", policy="optional")
async def set_quantity(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[QuantitySet]
) -> Response[Cart]:
    _refuse_other_sites(request, deps)
    visit = await _visit(request, deps)
    if data.quantity:
        cart = await actions.set_quantity(deps, visit, parse_id(id), data.quantity)
    else:
        cart = await actions.remove_item(deps, visit, parse_id(id))
    return _answer(request, deps, visit, cart, changed=True)


@delete("/api/cart/items/{id:str}", policy="optional", status_code=200)
async def remove_item(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> Response[Cart]:
    _refuse_other_sites(request, deps)
    visit = await _visit(request, deps)
    return _answer(request, deps, visit, await actions.remove_item(deps, visit, parse_id(id)), changed=True)


ROUTES = [get_cart, add_item, set_quantity, remove_item]


async def _visit(request: Request, deps: Deps) -> Visit:
    return await actions.visit(deps, request.caller.user_id, request.cookies.get(deps.cookie))


def _refuse_other_sites(request: Request, deps: Deps) -> None:
    """Where nothing but a cookie says who is asking; no other site can send an access token."""
    if request.caller.user_id is None:
        refuse_foreign_origin(request.headers.get("origin"), request.headers.get("sec-fetch-site"), deps.own_origins)


def _answer(request: Request, deps: Deps, visit: Visit, cart: Cart, *, changed: bool = False) -> Response[Cart]:
    """With the guest's cookie renewed, since the cart lives that long after a change; a customer's is taken away."""
    response = Response(cart)
    if visit.guest_token is not None and changed:
        response.set_header("Set-Cookie", _cookie(deps, visit.guest_token, int(GUEST_LIFE.total_seconds())))
    elif visit.guest_token is None and deps.cookie in request.cookies:
        response.set_header("Set-Cookie", _cookie(deps, "", 0))
    return response


def _cookie(deps: Deps, value: str, max_age_s: int) -> str:
    """Written out, since neither name nor value needs escaping: the framework's own way costs as much as the rest of
    the answer."""
    cookie = f"{deps.cookie}={value}; HttpOnly; Max-Age={max_age_s}; Path=/; SameSite=strict"
    return f"{cookie}; Secure" if deps.secure else cookie
