"""The actions on a payment: open it, return to it, pay it directly, close it.

Stripe is never called inside a transaction. The request to Stripe is committed before it is sent, and `settling`
records the answer afterwards. When a process dies in between, the next request or the sweep sends the same attempt
again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id
from serai.contracts.payment import (
    PAYMENT_CLOSED,
    Closed,
    OpenPayment,
    OrderNotPayable,
    PaymentClosed,
    PaymentDeclined,
    PaymentRefused,
    PaymentUnavailable,
)
from serai.payment import requests, store
from serai.payment.deps import PAYMENTS, Deps
from serai.payment.domain import (
    MAX_CONFIRMS,
    PAYMENT_MOVES,
    Attempt,
    AttemptState,
    Payment,
    PaymentState,
    Reading,
    has_time,
    read_intent,
    read_session,
    require_move,
)
from serai.payment.settling import record, settle
from serai.payment.stripe_api import StoredFailure, StripeDeclined, StripeRefused

log = logging.getLogger(__name__)

#: Attempts that one request sends at most, when Stripe stores a failure for each.
_MAX_SENDS = 3


async def open_payment(deps: Deps, order_id: UUID, opening: OpenPayment) -> Payment:
    """The order's payment with an attempt that can be paid; it is created if there is none. Raises `Invalid`,
    `OrderNotPayable`, `PaymentRefused`, `PaymentUnavailable`, and `Conflict` for a different request for this order."""
    requests.check(opening, deps.currency)
    if has_time(opening.payable_until, datetime.now(UTC)):
        body = _encoded(requests.session(order_id, 1, opening, deps.public_url))
        new = store.NewPayment(new_id(), order_id, opening, _key("cs", order_id, 1), body)
        inserted = await deps.insert_payment(new)
        if inserted is not None:
            return await _sent(deps, inserted)
    async with deps.database.transaction() as tx:
        found = await store.payment_of_order(tx, order_id)
        if found is None:
            raise OrderNotPayable
        payment = await store.lock(tx, found.id)
        if not requests.same_opening(await store.opening_request(tx, payment.id), opening):
            raise Conflict("A different payment was requested for this order.", code="request_differs")
        if payment.state is not PaymentState.SUCCEEDED:
            payment = await _with_attempt(deps, tx, payment)
    return await _sent(deps, payment)


async def pay_again(
    deps: Deps, user_id: UUID, order_id: UUID, idempotent_request: IdempotentRequest
) -> tuple[Payment, bool]:
    """The payment with a page that the buyer can pay on: the live page, or a new one when the last attempt can no
    longer be paid. Also returns whether the request is a repetition. Raises `NotFound`, `OrderNotPayable`,
    `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        payment = await store.payment_of_users_order(conn, user_id, order_id)
    if payment is None:
        raise NotFound
    if payment.state is PaymentState.OPEN and payment.attempt is not None:
        await _refresh(deps, payment, payment.attempt)
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment.id)
        replayed = await idempotent_request.bound_resource(tx) is not None
        if not replayed:
            if payment.state is PaymentState.SUCCEEDED:
                raise OrderNotPayable
            payment = await _with_attempt(deps, tx, payment)
            await idempotent_request.bind(tx, payment.id)
    return await _sent(deps, payment), replayed


async def _refresh(deps: Deps, payment: Payment, attempt: Attempt) -> None:
    """Settle the attempt, so that the buyer does not get a page that has expired. Cancel an intent that awaits a
    payment method, so that a page can replace it."""
    try:
        attempt = await settle(deps, payment, attempt)
        has_room = has_time(payment.payable_until, datetime.now(UTC))
        if has_room and (attempt.kind, attempt.state) == ("intent", AttemptState.OPEN):
            await end(deps, payment, attempt)
    except PaymentUnavailable:
        log.warning("the response shows the last known state", extra={"payment_id": payment.id})


async def confirm_return(deps: Deps, payment: Payment) -> Payment:
    """Settle the payment after the buyer has returned from Stripe's page. Raises `PaymentUnavailable`."""
    if payment.attempt is None or payment.state is PaymentState.SUCCEEDED:
        return payment
    await settle(deps, payment, payment.attempt)
    return await _fresh(deps, payment.id)


async def pay_directly(
    deps: Deps, payment: Payment, method: str, idempotent_request: IdempotentRequest
) -> tuple[Payment, bool]:
    """Charge a Stripe PaymentMethod without a page. Also returns whether the request is a repetition. Raises
    `OrderNotPayable`, `PaymentDeclined`, `Invalid` for an unknown method, `PaymentUnavailable`."""
    for _ in range(_MAX_SENDS):
        async with deps.database.transaction() as tx:
            payment = await store.lock(tx, payment.id)
            replayed = await idempotent_request.bound_resource(tx) is not None
            if replayed or payment.state is PaymentState.SUCCEEDED:
                return payment, replayed
            attempt = payment.attempt
            if attempt is None or attempt.settled:
                attempt = await _new_attempt(deps, tx, payment, "intent")
            elif attempt.kind == "intent":
                _require_payable(payment)
            else:
                _require_room(payment)
        if attempt.kind == "session":
            # The page must be unpayable before an intent can take money for the same order.
            attempt = await end(deps, payment, attempt)
            if not attempt.settled:
                raise PaymentUnavailable
        elif attempt.state is AttemptState.OPENING:
            attempt = await _send(deps, payment, attempt)
        if attempt.state is AttemptState.ENDED:
            continue
        if attempt.state in (AttemptState.OPEN, AttemptState.ACTION):
            await _confirm(deps, payment, attempt, method)
        async with deps.database.transaction() as tx:
            if await idempotent_request.bound_resource(tx) is None:
                await idempotent_request.bind(tx, payment.id)
        return await _fresh(deps, payment.id), False
    raise PaymentUnavailable


async def close(deps: Deps, order_id: UUID) -> Closed:
    """Make sure that the order can never be paid, or find out that it was paid."""
    async with deps.database.transaction() as tx:
        payment_id, state = await store.lock_or_insert_tombstone(tx, new_id(), order_id)
        if state is PaymentState.OPEN:
            require_move(PAYMENT_MOVES, state, PaymentState.CLOSING)
            await store.set_state(tx, payment_id, PaymentState.CLOSING)
    if state in _CLOSED:
        return _CLOSED[state]
    payment = await _fresh(deps, payment_id)
    async with deps.database.connection() as conn:
        attempts = await store.unsettled(conn, payment_id)
    for attempt in attempts:
        try:
            await end(deps, payment, attempt)
        except PaymentUnavailable:
            return Closed("unknown")
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment_id)
        if payment.state is PaymentState.CLOSING and not await store.unsettled(tx, payment_id):
            require_move(PAYMENT_MOVES, payment.state, PaymentState.CLOSED)
            await store.set_state(tx, payment_id, PaymentState.CLOSED)
            await deps.feed.append(tx, PAYMENT_CLOSED, order_id, PaymentClosed(payment_id))
            PAYMENTS.labels("closed").inc()
            payment = replace(payment, state=PaymentState.CLOSED)
    deps.feed.nudge()
    return _CLOSED.get(payment.state, Closed("unknown"))


async def end(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Make an attempt unpayable, or find out that it was paid. The attempt stays unsettled when Stripe has not decided
    yet. Raises `PaymentUnavailable`."""
    if attempt.state is AttemptState.OPENING:
        # Only a repetition of the same request shows whether Stripe has executed it.
        try:
            attempt = await _send(deps, payment, attempt)
        except (PaymentRefused, OrderNotPayable):
            return await _attempt(deps, attempt)
    if attempt.state in (AttemptState.OPEN, AttemptState.ACTION):
        try:
            reading = await _end_at_stripe(deps, payment, attempt)
        except (StripeRefused, StoredFailure):
            return await settle(deps, payment, attempt)
        return await record(deps, payment, attempt, reading)
    return await settle(deps, payment, attempt)


async def _end_at_stripe(deps: Deps, payment: Payment, attempt: Attempt) -> Reading:
    if attempt.kind == "session":
        assert attempt.session_id is not None
        return read_session(await deps.stripe.expire_session(attempt.session_id), payment.expected)
    assert attempt.intent_id is not None
    return read_intent(await deps.stripe.cancel_intent(attempt.intent_id), payment.expected)


async def _sent(deps: Deps, payment: Payment) -> Payment:
    """The payment after the request of its newest attempt was sent. Raises `OrderNotPayable`, `PaymentRefused`,
    `PaymentUnavailable`."""
    for _ in range(_MAX_SENDS):
        attempt = payment.attempt
        if attempt is None or attempt.state is not AttemptState.OPENING:
            return payment
        after = await _send(deps, payment, attempt)
        if not after.settled:
            return replace(payment, attempt=after)
        async with deps.database.transaction() as tx:
            payment = await _with_attempt(deps, tx, await store.lock(tx, payment.id))
    raise PaymentUnavailable


async def _send(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Send an attempt's stored request, for the first time or again. The attempt ends when Stripe has stored a failure
    for it, or when its expiry is too near: the buyer never got its page. Raises `PaymentRefused`,
    `PaymentUnavailable`."""
    try:
        if attempt.kind == "session":
            session = await deps.stripe.create_session(attempt.request, attempt.key)
            reading = read_session(session, payment.expected)
        else:
            reading = read_intent(await deps.stripe.create_intent(attempt.request, attempt.key), payment.expected)
    except StoredFailure:
        return await record(deps, payment, attempt, Reading(AttemptState.ENDED, problem="stored failure"))
    except StripeRefused as refusal:
        after = await record(deps, payment, attempt, Reading(AttemptState.ENDED, problem=str(refusal)[:500]))
        if refusal.param == "expires_at":
            return after
        raise PaymentRefused(reason=refusal.code or "refused") from refusal
    return await record(deps, payment, attempt, reading)


async def _confirm(deps: Deps, payment: Payment, attempt: Attempt, method: str) -> None:
    """Confirm an intent. An intent takes money once, whatever the number of confirmations. Raises what `pay_directly`
    raises."""
    assert attempt.intent_id is not None
    request = _encoded(requests.confirmation(payment.order_id, method, deps.public_url))
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment.id)
        _require_payable(payment)
        if attempt.confirms >= MAX_CONFIRMS:
            raise OrderNotPayable
        number = await store.count_confirm(tx, payment.id, attempt.n)
    try:
        intent = await deps.stripe.confirm_intent(attempt.intent_id, request, f"{attempt.key}:{number}")
    except StripeDeclined as declined:
        await settle(deps, payment, attempt)
        PAYMENTS.labels("declined").inc()
        raise PaymentDeclined(decline_code=declined.decline_code or declined.code) from declined
    except (StripeRefused, StoredFailure) as failure:
        after = await settle(deps, payment, attempt)
        if isinstance(failure, StripeRefused) and failure.param == "payment_method":
            raise Invalid("Stripe does not know this payment method.", field="payment_method") from failure
        if after.state is AttemptState.ENDED:
            raise OrderNotPayable from failure
        if after.state is AttemptState.OPEN:
            raise PaymentUnavailable from failure
        return
    await record(deps, payment, attempt, read_intent(intent, payment.expected))


async def _with_attempt(deps: Deps, tx: Connection, payment: Payment) -> Payment:
    """The payment with its newest attempt; a settled attempt is followed by a new one. The caller holds the payment's
    row lock. Raises `OrderNotPayable`."""
    _require_payable(payment)
    if payment.attempt is not None and not payment.attempt.settled:
        return payment
    attempt = await _new_attempt(deps, tx, payment, "session")
    return replace(payment, attempt=attempt)


async def _new_attempt(deps: Deps, tx: Connection, payment: Payment, kind: str) -> Attempt:
    """Store the next attempt. The caller holds the payment's row lock and has checked that the last attempt is settled.
    Raises `OrderNotPayable`."""
    _require_room(payment)
    opening = await store.opening_request(tx, payment.id)
    n = await store.next_n(tx, payment.id)
    if kind == "session":
        body, prefix = requests.session(payment.order_id, n, opening, deps.public_url), "cs"
    else:
        body, prefix = requests.intent(payment.order_id, n, opening), "pi"
    key = _key(prefix, payment.order_id, n)
    return await store.insert_attempt(tx, payment.id, n, kind, key, _encoded(body), payment.payable_until)


def _require_payable(payment: Payment) -> None:
    """Raises `OrderNotPayable` when an existing attempt must not be paid any more."""
    if payment.state is not PaymentState.OPEN or payment.payable_until <= datetime.now(UTC):
        raise OrderNotPayable


def _require_room(payment: Payment) -> None:
    """Raises `OrderNotPayable` when no new attempt can be opened."""
    if payment.state is not PaymentState.OPEN or not has_time(payment.payable_until, datetime.now(UTC)):
        raise OrderNotPayable


async def _fresh(deps: Deps, payment_id: UUID) -> Payment:
    async with deps.database.connection() as conn:
        found = await store.payment(conn, payment_id)
    assert found is not None
    return found


async def _attempt(deps: Deps, attempt: Attempt) -> Attempt:
    async with deps.database.connection() as conn:
        return await store.attempt(conn, attempt.payment_id, attempt.n)


def _key(prefix: str, order_id: UUID, n: int) -> str:
    return f"{prefix}:{order_id}:{n}"


def _encoded(request: requests.Request) -> str:
    return msgspec.json.encode(request).decode()


_CLOSED = {PaymentState.CLOSED: Closed("closed"), PaymentState.SUCCEEDED: Closed("succeeded")}
