"""The public routes of the payment service."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from serai.chassis.errors import NotFound
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT, Page, decode_cursor, encode_cursor, page_of
from serai.chassis.ids import parse_id
from serai.contracts.payment import ConfirmPayment, CreatePayment, CreateRefund, Payment, Refund
from serai.payment import actions, domain, refund_store, refunds, store, views, webhooks
from serai.payment.deps import Deps

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
_PAYMENT = "/api/payments/{id:str}"


@post(
    "/api/payments",
    policy="signed_in",
    fresh=True,
    rate_limit="payments",
    timeout_s=15,
    idempotency="required",
    urgent=True,
)
async def pay(deps: NamedDependency[Deps], request: Request, data: JSONBody[CreatePayment]) -> Response[Payment]:
    """Returns the order's payment with a payment page: the live one, or a new one when no live one is left."""
    payment, replayed = await actions.pay_again(deps, request.caller.user, data.order_id, await request.idempotency())
    return Response(views.public(payment), headers=_replayed(replayed))


@get(_PAYMENT, policy="signed_in", more_with=("payments:read",), fresh=True)
async def read_payment(deps: NamedDependency[Deps], request: Request, id: FromPath[str]) -> Payment:
    if not request.caller.may("payments:read"):
        return views.public(await _owned(deps, request, id))
    async with deps.database.connection() as conn:
        return views.public(_found(await store.payment(conn, parse_id(id))))


@post(_PAYMENT + "/confirm", policy="signed_in", fresh=True, status_code=200, rate_limit="payments", timeout_s=15)
async def confirm(
    deps: NamedDependency[Deps], request: Request, id: FromPath[str], data: JSONBody[ConfirmPayment | None] = None
) -> Response[Payment]:
    """Updates the payment after the buyer has returned from the payment page. With `payment_method`: charges it
    directly."""
    payment, replayed = await _owned(deps, request, id), False
    if data is None or data.payment_method is None:
        payment = await actions.confirm_return(deps, payment)
    else:
        payment, replayed = await actions.pay_directly(deps, payment, data.payment_method, await request.idempotency())
    return Response(views.public(payment), headers=_replayed(replayed))


@post(_PAYMENT + "/refund", needs="payments:refund", rate_limit="payments", timeout_s=15, idempotency="required")
async def refund(
    deps: NamedDependency[Deps], request: Request, id: FromPath[str], data: JSONBody[CreateRefund | None] = None
) -> Response[Refund]:
    """Refunds an amount, or everything that can still be refunded."""
    idempotent_request = await request.idempotency()
    made, replayed = await refunds.refund_for_admin(deps, parse_id(id), data or CreateRefund(), idempotent_request)
    return Response(views.refund(made, deps.currency), headers=_replayed(replayed))


@get(_PAYMENT + "/refund", needs="payments:read")
async def list_refunds(
    deps: NamedDependency[Deps], id: FromPath[str], limit: Limit = DEFAULT_LIMIT, cursor: FromQuery[str | None] = None
) -> Page[Refund]:
    """Lists the refunds of a payment, oldest first."""
    payment_id = parse_id(id)
    after = decode_cursor(cursor, "refunds", (int,))
    async with deps.database.connection() as conn:
        _found(await store.payment(conn, payment_id))
        found = await refund_store.refunds_page(conn, payment_id, after[0] if after else 0, limit + 1)
    numbers = {each.id: each.n for each in found}
    shown = [views.refund(each, deps.currency) for each in found]
    return page_of(shown, limit, lambda last: encode_cursor("refunds", numbers[last.id]))


@post("/api/payments/webhooks/stripe", policy="public", status_code=200, max_body_bytes=1024 * 1024, idempotency="none")
async def stripe_webhook(deps: NamedDependency[Deps], request: Request) -> dict[str, bool]:
    """Receives an event of Stripe. The signature covers the raw body."""
    await webhooks.receive(deps, await request.body(), request.headers.get("stripe-signature"))
    return {"received": True}


async def _owned(deps: Deps, request: Request, payment_id: str) -> domain.Payment:
    """The caller's own payment. Raises `NotFound`."""
    async with deps.database.connection() as conn:
        return _found(await store.payment_of_user(conn, request.caller.user, parse_id(payment_id)))


def _found(payment: domain.Payment | None) -> domain.Payment:
    if payment is None:
        raise NotFound
    return payment


def _replayed(replayed: bool) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if replayed else {}
