"""Quoting, placing and cancelling an order."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from serai.chassis import tracing
from serai.chassis.auth.principal import Principal
from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest, InProgress
from serai.chassis.errors import Invalid, NotFound, from_document
from serai.chassis.ids import new_id
from serai.commerce import forms
from serai.commerce.line import Line
from serai.commerce.money import Money
from serai.contracts.cart import CartEmpty
from serai.contracts.order.checkout import PlaceOrder, Quote, QuoteRequest, ShippingOption
from serai.contracts.order.orders import Order
from serai.contracts.product.inventory import OutOfStock
from serai.order.checkout import domain, store
from serai.order.checkout.domain import OnCancel, Saga, State
from serai.order.deps import Deps
from serai.order.orders import store as orders
from serai.order.orders.actions import read_order_as_system, read_order_of_buyer
from serai.order.orders.store import StatusUpdate
from serai.order.pricing import domain as pricing


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it is now. `settled`: the shop has nothing left to do, so the answer is final. `replayed`: an earlier
    request with the same key made the change."""

    order: Order
    settled: bool
    replayed: bool = False


async def quote(deps: Deps, user_id: UUID, request: QuoteRequest, guest: str | None) -> Quote:
    """What this order would cost. Raises what placing it would raise. Its only effect is that a guest's cart is merged
    into the user's."""
    currency = deps.rules.currency
    _check_currency(request.expected_total, currency)
    pricing.shipping_method(request.shipping_method, deps.rules)
    cart = await deps.cart.current(user_id, guest)
    if not cart.lines:
        raise CartEmpty
    facts = {fact.variant_id: fact for fact in await deps.product.variants([line.variant_id for line in cart.lines])}
    short = [
        {"variant_id": line.variant_id, "requested": line.quantity, "available": available}
        for line in cart.lines
        if line.quantity > (available := facts[line.variant_id].available if line.variant_id in facts else 0)
    ]
    if short:
        raise OutOfStock(items=short)
    lines = [Line.of(facts[line.variant_id], line.quantity, new_id()) for line in cart.lines]
    country = request.shipping_address.country if request.shipping_address else None
    priced = pricing.price(lines, request.shipping_method, country, deps.rules)
    if request.expected_total is not None and request.expected_total.amount != priced.total:
        raise domain.TotalChanged(total=Money(priced.total, currency))
    domain.require_payable(priced)
    methods = [
        ShippingOption(method.id, method.name, Money(method.amount, currency)) for method in deps.rules.shipping_methods
    ]
    shown = forms.to_wire(priced, quoted=True)
    return Quote(**msgspec.structs.asdict(shown), shipping_methods=methods)


async def place_order(
    deps: Deps, caller: Principal, request: PlaceOrder, guest: str | None, idempotency: IdempotentRequest
) -> Placed:
    """Order the caller's whole cart. Returns when the payment page is ready, or after `deps.patience_s` seconds with
    the order still pending. Raises `CartEmpty`, `CheckoutInProgress`, `OutOfStock`, `TotalChanged`, `InProgress`."""
    _check_currency(request.expected_total, deps.rules.currency)
    pricing.shipping_method(request.shipping_method, deps.rules)
    # The order of a concurrent request with the same key may be rejected, and its key unbound, between the two looks.
    for _ in range(3):
        saga = await _accept(deps, caller, request, guest, idempotency)
        if saga is not None:
            return await _drive_to_rest(deps, caller.user, saga)
        async with deps.database.transaction() as tx:
            made = await idempotency.bound_resource(tx)
        if made is not None:
            return await _placed_before(deps, caller.user, UUID(made))
    raise InProgress


async def _accept(
    deps: Deps, caller: Principal, request: PlaceOrder, guest: str | None, idempotency: IdempotentRequest
) -> Saga | None:
    """Insert the order and its saga. Returns None when the key is already bound to an order."""
    order_id = new_id()
    context = domain.Context(
        user_id=caller.user,
        key=idempotency.key or "",
        email=caller.email,
        guest=guest,
        shipping_method=request.shipping_method,
        country=request.shipping_address.country,
        expected_total=request.expected_total.amount if request.expected_total else None,
        hold_id=str(order_id),
        traceparent=tracing.traceparent(),
    )
    async with deps.database.connection() as conn:
        return await store.insert_order(
            conn,
            idempotency,
            order_id=order_id,
            email=caller.email,
            currency=deps.rules.currency,
            shipping_address=request.shipping_address,
            billing_address=request.billing_address,
            note=request.note,
            context=context,
            now=datetime.now(UTC),
        )


async def _drive_to_rest(deps: Deps, user_id: UUID, saga: Saga) -> Placed:
    rested = await deps.checkout.drive_within(saga, deps.patience_s)
    if rested is None:
        async with deps.database.transaction() as tx:
            now = await store.lock_saga(tx, saga.order_id)
            if now is not None and now.state is not State.REJECTED:
                await store.acknowledge(tx, saga.order_id)
            rested = now
    if rested is not None and rested.state is State.REJECTED:
        failure = rested.context.failure or {}
        raise from_document(int(failure.get("status", 409)), failure)
    order = await read_order_of_buyer(deps, user_id, saga.order_id)
    return Placed(order, settled=order.status != "pending")


async def _placed_before(deps: Deps, user_id: UUID, order_id: UUID) -> Placed:
    """The order of an earlier request with this key. If that request died before its answer, its checkout is continued
    here."""
    async with deps.database.transaction() as tx:
        order = await orders.order_of(tx, user_id, order_id)
        if order is None:
            raise NotFound
        saga = None
        if order.status == "pending" and not await store.is_acknowledged(tx, order_id):
            saga = await store.claim(tx, order_id)
            if saga is None:
                raise InProgress
    if saga is not None:
        return replace(await _drive_to_rest(deps, user_id, saga), replayed=True)
    return Placed(order, settled=order.status != "pending", replayed=True)


async def cancel_order(deps: Deps, caller: Principal, order_id: UUID, idempotency: IdempotentRequest) -> Placed:
    """Cancel the caller's unpaid order, or with `orders:cancel` any order that has not shipped; a paid one is refunded.
    Returns the order as it is after at most `deps.patience_s` seconds. Raises `NotFound`, `IllegalTransition` (also
    when it was paid first)."""
    any_order = caller.may("orders:cancel")
    async with deps.database.transaction() as tx:
        replayed = await idempotency.bound_resource(tx) is not None
        saga = await store.lock_saga(tx, order_id)
        order = await orders.lock_order(tx, order_id)
        if saga is None or order is None or not (any_order or order.user_id == caller.user):
            raise NotFound
        if not replayed:
            await idempotency.bind(tx, order_id)
        verdict = OnCancel.ALREADY if replayed else domain.on_cancel(order.status, saga.state, refunds=any_order)
        driven = await _begin_cancel(tx, saga, verdict)
    if driven is not None:
        await deps.checkout.drive_within(driven, deps.patience_s)
        if verdict is OnCancel.REFUND:
            await _until_refunded(deps, order_id)
    now = await read_order_as_system(deps, order_id)
    if verdict in (OnCancel.CLOSE, OnCancel.REJECT) and now.status not in ("awaiting_payment", "pending"):
        domain.require_cancelled(now.status)
    under_way = now.status in ("pending", "awaiting_payment", "refunding")
    return Placed(now, settled=not under_way, replayed=replayed)


async def _begin_cancel(tx: Connection, saga: Saga, verdict: OnCancel) -> Saga | None:
    if verdict is OnCancel.ALREADY:
        return None
    if verdict is OnCancel.REFUND:
        await orders.update_status(tx, saga.order_id, StatusUpdate(("refunding",), datetime.now(UTC)))
    return await store.interrupt_saga(tx, saga, domain.cancelled(saga, verdict), lease=True)


async def _until_refunded(deps: Deps, order_id: UUID) -> None:
    """Wait a little for the refund: Stripe usually decides immediately, and payment's feed follows."""
    deadline = time.monotonic() + deps.refund_patience_s
    while time.monotonic() < deadline:
        if (await read_order_as_system(deps, order_id)).status != "refunding":
            return
        await asyncio.sleep(0.05)


def _check_currency(money: Money | None, currency: str) -> None:
    if money is not None and money.currency != currency:
        raise Invalid(f"This shop's currency is {currency}.", field="expected_total.currency")
