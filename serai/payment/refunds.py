"""Refunds: stored under the payment's row lock, then sent to Stripe until Stripe has decided.

The refunds that have not failed never exceed the charge: the row lock, a CHECK constraint and Stripe ensure it. Stripe
may forget an idempotency key after a day, and it keeps a stored failure under a key. Before a retry, the intent's
refunds are therefore listed, and the stored refund is recognised by its id in the metadata.
"""

from __future__ import annotations

import logging
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id
from serai.commerce.currency import CURRENCIES
from serai.commerce.money import Money
from serai.contracts.payment import (
    REFUND_CREATED,
    REFUND_FAILED,
    REFUND_SUCCEEDED,
    CreateRefund,
    NotCharged,
    PaymentUnavailable,
    RefundEvent,
    RefundExceedsCharge,
    RefundRequest,
)
from serai.payment import refund_store, requests, store, views
from serai.payment.deps import REFUNDS, Deps, alert
from serai.payment.domain import (
    Account,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    StripeRefund,
    advance_refund,
    read_refund,
)
from serai.payment.stripe_api import StoredFailure, StripeRefused

log = logging.getLogger(__name__)

_EVENTS = {RefundState.SUCCEEDED: REFUND_SUCCEEDED, RefundState.FAILED: REFUND_FAILED}


async def refund_for_service(deps: Deps, order_id: UUID, request: RefundRequest) -> Refund:
    """Raises `NotCharged`, `RefundExceedsCharge`, `Invalid`, and `Conflict` for a different request with the same
    key."""
    async with deps.database.transaction() as tx:
        found = await store.payment_of_order(tx, order_id)
        if found is None:
            raise NotCharged
        payment = await store.lock(tx, found.id)
        first = await refund_store.refund_of_key(tx, payment.id, request.key)
        if first is None:
            refund = await _create(deps, tx, payment, request)
        else:
            refund, stored = first
            if not requests.same_refund(stored, request):
                raise Conflict("A different refund was requested with this key.", code="request_differs")
    return await _sent(deps, refund)


async def refund_for_admin(
    deps: Deps, payment_id: UUID, request: CreateRefund, idempotent_request: IdempotentRequest
) -> tuple[Refund, bool]:
    """Returns the refund, and whether the request is a repetition. Raises `NotFound`, `NotCharged`,
    `RefundExceedsCharge`, `Invalid`."""
    async with deps.database.transaction() as tx:
        if await store.payment(tx, payment_id) is None:
            raise NotFound
        payment = await store.lock(tx, payment_id)
        made = await idempotent_request.bound_resource(tx)
        first = await refund_store.refund(tx, UUID(made)) if made else None
        if first is not None:
            refund = first
        else:
            refund = await _create(deps, tx, payment, request)
            await idempotent_request.bind(tx, refund.id)
    return await _sent(deps, refund), first is not None


async def _create(deps: Deps, tx: Connection, payment: Payment, request: RefundRequest | CreateRefund) -> Refund:
    """Store a refund of the order's charge. The caller holds the payment's row lock."""
    account = payment.account
    if payment.state is not PaymentState.SUCCEEDED:
        raise NotCharged
    if request.amount is not None and request.amount.currency != payment.currency:
        raise Invalid(f"This payment is in {payment.currency}.", field="amount.currency")
    amount = account.refundable if request.amount is None else request.amount.amount
    if request.amount is not None and amount == 0:
        raise Invalid("A refund is of at least one minor unit.", field="amount.amount")
    if amount % (step := CURRENCIES[payment.currency].step):
        raise Invalid(f"A refund in {payment.currency} is a multiple of {step} minor units.", field="amount.amount")
    if amount == 0 or amount > account.refundable:
        raise RefundExceedsCharge(refundable=msgspec.to_builtins(Money(account.refundable, payment.currency)))
    paid = payment.attempt
    assert paid is not None
    assert paid.n == payment.paid_n
    assert paid.intent_id is not None
    refund = await refund_store.insert_refund(
        tx,
        new_id(),
        payment.id,
        paid.intent_id,
        amount,
        request=request if isinstance(request, RefundRequest) else None,
        reason=request.reason,
        restock=request.restock,
    )
    account = account.create_refund(amount)
    await store.set_refund_totals(tx, payment.id, paid.intent_id, account)
    REFUNDS.labels(RefundState.CREATED).inc()
    await deps.feed.append(tx, REFUND_CREATED, payment.order_id, _event(payment, refund, account))
    return refund


async def _sent(deps: Deps, refund: Refund) -> Refund:
    """The refund after a first try at Stripe. The sweep repeats a try that fails."""
    deps.feed.nudge()
    try:
        await push(deps, refund.id)
    except PaymentUnavailable:
        log.warning("the refund sweep will send the refund again", extra={"payment_id": refund.payment_id})
    async with deps.database.connection() as conn:
        return await refund_store.refund(conn, refund.id) or refund


async def push(deps: Deps, refund_id: UUID) -> None:
    """Send a refund to Stripe, or read it there, and record its state. A decided refund stays as it is. Raises
    `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        refund = await refund_store.begin_refund_try(conn, refund_id)
        payment = await store.payment(conn, refund.payment_id) if refund else None
    if refund is None or payment is None:
        return
    try:
        answer = await _send(deps, payment, refund)
    except StoredFailure:
        async with deps.database.connection() as conn:
            await refund_store.next_generation(conn, refund.id, refund.generation)
        raise PaymentUnavailable from None
    except StripeRefused as refusal:
        alert("refund_refused", f"Stripe refuses a refund: {refusal}", payment.order_id)
        await _record(deps, payment.id, refund.id, RefundState.FAILED, None)
        return
    await _record(deps, payment.id, refund.id, read_refund(answer), answer.id)


async def settle_refund(deps: Deps, stripe_id: str, refund_id: UUID | None) -> bool:
    """Read a refund from Stripe and record its state. Returns False when the refund is not stored here. Raises
    `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        refund = await refund_store.refund_of_object(conn, stripe_id, refund_id)
    if refund is None:
        return False
    answer = await deps.stripe.refund(stripe_id)
    state = read_refund(answer)
    if state is not refund.state or refund.stripe_id is None:
        await _record(deps, refund.payment_id, refund.id, state, answer.id)
    return True


async def _send(deps: Deps, payment: Payment, refund: Refund) -> StripeRefund:
    if refund.stripe_id is not None:
        return await deps.stripe.refund(refund.stripe_id)
    if refund.tries > 1:
        for known in await deps.stripe.refunds_of(refund.intent_id):
            if (known.metadata or {}).get("refund_id") == str(refund.id):
                return known
    key = f"rf:{payment.order_id}:{refund.n}" + (f":{refund.generation}" if refund.generation > 1 else "")
    amount = Money(refund.amount, payment.currency)
    request = requests.refund(
        payment.order_id, refund.id, refund.n, refund.intent_id, amount, duplicate=refund.duplicate
    )
    return await deps.stripe.create_refund(msgspec.json.encode(request).decode(), key)


async def _record(deps: Deps, payment_id: UUID, refund_id: UUID, read: RefundState, stripe_id: str | None) -> None:
    """Write the state that was read, the account that follows from it, and the event."""
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment_id)
        refund = await refund_store.refund(tx, refund_id)
        assert refund is not None
        state = advance_refund(refund.state, read)
        await refund_store.update_refund(tx, refund.id, state, stripe_id)
        if state is refund.state:
            return
        account = await store.account(tx, payment.id, refund.intent_id)
        account = account.move_refund(refund.amount, refund.state, state)
        await store.set_refund_totals(tx, payment.id, refund.intent_id, account)
        # The order never learnt of a duplicate charge, so it is not told of its refund.
        if state in _EVENTS and not refund.duplicate:
            await deps.feed.append(tx, _EVENTS[state], payment.order_id, _event(payment, refund, account))
    deps.feed.nudge()
    REFUNDS.labels(state).inc()
    if state is RefundState.FAILED:
        alert("refund_failed", "a refund did not reach the buyer", payment.order_id)


def _event(payment: Payment, refund: Refund, account: Account) -> RefundEvent:
    return RefundEvent(
        payment_id=payment.id,
        refund_id=refund.id,
        user_id=payment.user_id,
        amount=Money(refund.amount, payment.currency),
        refunded=Money(account.refunded, payment.currency),
        full=account.refund_pending + account.refunded == account.captured,
        restock=refund.restock,
        account=views.charge_account(account, payment.currency),
    )
