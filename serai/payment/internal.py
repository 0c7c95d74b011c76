"""The routes of the payment service for other services."""

from __future__ import annotations

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai.chassis.errors import NotFound
from serai.chassis.ids import parse_id
from serai.contracts.payment import Closed, OpenPayment, PaymentSummary, Refund, RefundRequest
from serai.payment import actions, refunds, store, views
from serai.payment.deps import Deps

_ORDER = "/internal/payments/{order_id:str}"


@put(_ORDER, policy="service", include_in_schema=False)
async def open_payment(
    deps: NamedDependency[Deps], order_id: FromPath[str], data: JSONBody[OpenPayment]
) -> PaymentSummary:
    return views.summary(await actions.open_payment(deps, parse_id(order_id), data))


@post(_ORDER + "/close", policy="service", include_in_schema=False, status_code=200)
async def close_payment(deps: NamedDependency[Deps], order_id: FromPath[str]) -> Closed:
    return await actions.close(deps, parse_id(order_id))


@get(_ORDER, policy="service", include_in_schema=False)
async def payment_of_order(deps: NamedDependency[Deps], order_id: FromPath[str]) -> PaymentSummary:
    async with deps.database.connection() as conn:
        payment = await store.payment_of_order(conn, parse_id(order_id))
    if payment is None:
        raise NotFound
    return views.summary(payment)


@post(_ORDER + "/refunds", policy="service", include_in_schema=False, status_code=200)
async def refund_order(deps: NamedDependency[Deps], order_id: FromPath[str], data: JSONBody[RefundRequest]) -> Refund:
    refund = await refunds.refund_for_service(deps, parse_id(order_id), data)
    return views.refund(refund, deps.currency)
