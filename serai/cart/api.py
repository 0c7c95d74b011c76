"""Public routes of the cart service.

A guest is identified by a cookie that only the shop's own pages send (`SameSite=Strict`). A request that also carries
an access token belongs to a customer: the guest's cart is merged into theirs and the cookie is deleted.
"""

from __future__ import annotations

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai.cart import actions
from serai.cart.actions import Visitor
from serai.cart.deps import Deps
from serai.cart.domain import GUEST_LIFE
from serai.chassis.auth.origins import refuse_foreign_origin
from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.cart import AddCartItem, Cart, UpdateCartItem


@get("/api/cart", policy="optional")
async def get_cart(request: Request, deps: NamedDependency[Deps]) -> Response[Cart]:
    visitor = await _identify(request, deps)
    return _answer(request, deps, visitor, await actions.view(deps, visitor.cart))


@post("/api/cart/items", policy="optional", status_code=200)
async def add_item(request: Request, deps: NamedDependency[Deps], data: JSONBody[AddCartItem]) -> Response[Cart]:
    _refuse_cross_site(request, deps)
    visitor = await _identify(request, deps)
    idempotency = await request.idempotency(caller=visitor.idempotency_caller)
    cart, replayed = await actions.add_item(deps, visitor, data, idempotency)
    response = _answer(request, deps, visitor, cart, changed=True)
    if replayed:
        response.set_header("Idempotent-Replayed", "true")
    return response


@put("/api/cart/items/{id:str}", policy="optional")
async def set_quantity(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[UpdateCartItem]
) -> Response[Cart]:
    _refuse_cross_site(request, deps)
    visitor = await _identify(request, deps)
    if data.quantity:
        cart = await actions.set_quantity(deps, visitor, parse_id(id), data.quantity)
    else:
        cart = await actions.remove_item(deps, visitor, parse_id(id))
    return _answer(request, deps, visitor, cart, changed=True)


@delete("/api/cart/items/{id:str}", policy="optional", status_code=200)
async def remove_item(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> Response[Cart]:
    _refuse_cross_site(request, deps)
    visitor = await _identify(request, deps)
    return _answer(request, deps, visitor, await actions.remove_item(deps, visitor, parse_id(id)), changed=True)


async def _identify(request: Request, deps: Deps) -> Visitor:
    return await actions.identify(deps, request.caller.user_id, request.cookies.get(deps.cookie))


def _refuse_cross_site(request: Request, deps: Deps) -> None:
    """Only needed for guests, who are identified by a cookie; other sites cannot send an access token."""
    if request.caller.user_id is None:
        refuse_foreign_origin(request.headers.get("origin"), request.headers.get("sec-fetch-site"), deps.own_origins)


def _answer(request: Request, deps: Deps, visitor: Visitor, cart: Cart, *, changed: bool = False) -> Response[Cart]:
    """Renews a guest's cookie after a change, because the cart then lives as long again, and deletes a customer's."""
    response = Response(cart)
    if visitor.guest_token is not None and changed:
        response.set_header("Set-Cookie", _cookie(deps, visitor.guest_token, int(GUEST_LIFE.total_seconds())))
    elif visitor.guest_token is None and deps.cookie in request.cookies:
        response.set_header("Set-Cookie", _cookie(deps, "", 0))
    return response


def _cookie(deps: Deps, value: str, max_age_s: int) -> str:
    """Built by hand: the framework's cookie rendering takes as long as the rest of the response, and neither name nor
    value needs escaping."""
    cookie = f"{deps.cookie}={value}; HttpOnly; Max-Age={max_age_s}; Path=/; SameSite=strict"
    return f"{cookie}; Secure" if deps.secure else cookie


ROUTES = [get_cart, add_item, set_quantity, remove_item]
