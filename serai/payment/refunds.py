"""Money on its way back: journaled under the payment's row lock, then asked of Stripe until Stripe has decided.

The sum of what has not failed never exceeds the charge, by the lock, by a CHECK constraint and by Stripe. A key may be
gone at Stripe after a day, and a stored failure stays under it, so before any repetition the intent's refunds are
listed and ours is looked for by what we wrote onto it.
"""

from __future__ import annotations

import logging
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts.payment import (
    REFUND_CREATED,
    REFUND_FAILED,
    REFUND_SUCCEEDED,
    NotCharged,
    PaymentUnavailable,
    RefundAsked,
    RefundEvent,
    RefundExceedsCharge,
    RefundWanted,
)
from serai.payment import requests, store
from serai.payment.deps import REFUNDS, Deps, alert
from serai.payment.domain import (
    Payment,
    PaymentState,
    Refund,
    RefundState,
    StripeRefund,
    Sums,
    advance_refund,
    read_refund,
)
from serai.payment.stripe_api import StoredFailure, StripeRefused

log = logging.getLogger(__name__)

_EVENTS = {RefundState.SUCCEEDED: REFUND_SUCCEEDED, RefundState.FAILED: REFUND_FAILED}


async def refund_for_service(deps: Deps, order_id: UUID, asked: RefundAsked) -> Refund:
    """Raises `NotCharged`, `RefundExceedsCharge`, `Invalid`, and `Conflict` for another request under the same key."""
    async with deps.database.transaction() as tx:
        found = await store.payment_of_order(tx, order_id)
        if found is None:
            raise NotCharged
        payment = await store.lock(tx, found.id)
        before = await store.refund_asked(tx, payment.id, asked.key)
        if before is not None and before[1] != asked:
            raise Conflict("This refund was asked for differently.", code="request_differs")
        refund = before[0] if before else await _journal(deps, tx, payment, asked, asked)
    return await _pushed(deps, refund)


async def refund_for_admin(
    deps: Deps, payment_id: UUID, wanted: RefundWanted, once: IdempotentRequest
) -> tuple[Refund, bool]:
    """And whether this is a repetition. Raises `NotFound`, `NotCharged`, `RefundExceedsCharge`, `Invalid`."""
    async with deps.database.transaction() as tx:
        if await store.payment(tx, payment_id) is None:
            raise NotFound
        payment = await store.lock(tx, payment_id)
        made = await once.bound_resource(tx)
        before = await store.refund(tx, UUID(made)) if made else None
        if before is not None:
            refund = before
        else:
            refund = await _journal(deps, tx, payment, wanted, None)
            await once.bind(tx, refund.id)
    return await _pushed(deps, refund), before is not None


async def _journal(
    deps: Deps, tx: Connection, payment: Payment, wanted: RefundAsked | RefundWanted, asked: RefundAsked | None
) -> Refund:
    if payment.state is not PaymentState.SUCCEEDED:
        raise NotCharged
    if wanted.amount is not None and wanted.amount.currency != payment.currency:
        raise Invalid(f"This payment is in {payment.currency}.", field="amount.currency")
    amount = payment.refundable if wanted.amount is None else wanted.amount.amount
    if wanted.amount is not None and amount == 0:
        raise Invalid("A refund is of at least one minor unit.", field="amount.amount")
    if amount == 0 or amount > payment.refundable:
        raise RefundExceedsCharge(refundable=msgspec.to_builtins(Money(payment.refundable, payment.currency)))
    paid = payment.attempt
    assert paid is not None
    assert paid.n == payment.paid_n
    assert paid.intent_id is not None
    refund = await store.insert_refund(
        tx,
        new_id(),
        payment.id,
        paid.intent_id,
        amount,
        asked_key=asked.key if asked else None,
        asked=asked,
        reason=wanted.reason,
        restock=wanted.restock,
    )
    sums = _sums(payment).reserve(amount)
    await store.set_sums(tx, payment.id, sums)
    REFUNDS.labels(RefundState.CREATED).inc()
    await deps.feed.append(tx, REFUND_CREATED, payment.order_id, _event(payment, refund, sums))
    return refund


async def _pushed(deps: Deps, refund: Refund) -> Refund:
    """The refund after a first try at Stripe; if that came to nothing, the sweep goes on with it."""
    deps.feed.nudge()
    try:
        await push(deps, refund.id)
    except PaymentUnavailable:
        log.warning("refund left to the sweep", extra={"payment_id": refund.payment_id})
    async with deps.database.connection() as conn:
        return await store.refund(conn, refund.id) or refund


async def push(deps: Deps, refund_id: UUID) -> None:
    """Bring a refund that is not decided one step further. Raises `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        refund = await store.begin_refund_try(conn, refund_id)
        payment = await store.payment(conn, refund.payment_id) if refund else None
    if refund is None or payment is None:
        return
    try:
        answer = await _ask(deps, payment, refund)
    except StoredFailure:
        async with deps.database.connection() as conn:
            await store.next_generation(conn, refund.id, refund.generation)
        raise PaymentUnavailable from None
    except StripeRefused as refusal:
        alert("refund_refused", f"Stripe refuses a refund: {refusal}", payment.order_id)
        await _hold(deps, payment.id, refund.id, RefundState.FAILED, None)
        return
    await _hold(deps, payment.id, refund.id, read_refund(answer), answer.id)


async def settle_refund(deps: Deps, stripe_id: str, refund_id: UUID | None) -> bool:
    """Read a refund from Stripe and hold it for true; False when it is none of ours. Raises `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        refund = await store.refund_of_object(conn, stripe_id, refund_id)
    if refund is None:
        return False
    answer = await deps.stripe.refund(stripe_id)
    state = read_refund(answer)
    if state is not refund.state or refund.stripe_id is None:
        await _hold(deps, refund.payment_id, refund.id, state, answer.id)
    return True


async def _ask(deps: Deps, payment: Payment, refund: Refund) -> StripeRefund:
    if refund.stripe_id is not None:
        return await deps.stripe.refund(refund.stripe_id)
    if refund.tries > 1:
        for known in await deps.stripe.refunds_of(refund.intent_id):
            if (known.metadata or {}).get("refund_id") == str(refund.id):
                return known
    key = f"rf:{payment.order_id}:{refund.n}" + (f":{refund.generation}" if refund.generation > 1 else "")
    request = requests.refund(
        payment.order_id, refund.id, refund.n, refund.intent_id, refund.amount, duplicate=refund.duplicate
    )
    return await deps.stripe.create_refund(msgspec.json.encode(request).decode(), key)


async def _hold(deps: Deps, payment_id: UUID, refund_id: UUID, read: RefundState, stripe_id: str | None) -> None:
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment_id)
        refund = await store.refund(tx, refund_id)
        assert refund is not None
        state = advance_refund(refund.state, read)
        await store.update_refund(tx, refund.id, state, stripe_id)
        if state is refund.state:
            return
        REFUNDS.labels(state).inc()
        if state is RefundState.FAILED:
            alert("refund_failed", "a refund did not reach the buyer", payment.order_id)
        if refund.duplicate:
            return
        sums = _sums(payment).moved(refund.amount, refund.state, state)
        await store.set_sums(tx, payment.id, sums)
        if state in _EVENTS:
            await deps.feed.append(tx, _EVENTS[state], payment.order_id, _event(payment, refund, sums))
    deps.feed.nudge()


def _sums(payment: Payment) -> Sums:
    return Sums(payment.amount, payment.refund_reserved, payment.refunded)


def _event(payment: Payment, refund: Refund, sums: Sums) -> RefundEvent:
    return RefundEvent(
        payment_id=payment.id,
        refund_id=refund.id,
        user_id=payment.user_id,
        amount=Money(refund.amount, payment.currency),
        refunded=Money(sums.refunded, payment.currency),
        full=sums.reserved == sums.amount,
        restock=refund.restock,
    )
