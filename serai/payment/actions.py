"""What can be done with a payment: open it, come back to it, pay it directly, close it for ever.

Stripe is never called inside a transaction. What is about to be asked of it is committed first, and the answer is
applied afterwards by `settling`; whoever dies in between leaves an attempt that the next one carries on with.
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
    OrderNotPayable,
    PaymentAsked,
    PaymentClosedEvent,
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
from serai.payment.settling import hold, settle
from serai.payment.stripe_api import StoredFailure, StripeDeclined, StripeRefused

log = logging.getLogger(__name__)

#: New attempts that one request may make, when Stripe keeps storing failures.
_LAUNCHES = 3


async def open_payment(deps: Deps, order_id: UUID, asked: PaymentAsked) -> Payment:
    """The order's payment with an attempt that can be paid, made if there is none. Raises `Invalid`, `OrderNotPayable`,
    `PaymentRefused`, `PaymentUnavailable`, and `Conflict` for another request under the same order id."""
    requests.check(asked, deps.currency)
    if has_time(asked.payable_until, datetime.now(UTC)):
        body = _encoded(requests.session(order_id, 1, asked, deps.public_url))
        made = await deps.open(store.Opening(new_id(), order_id, asked, _key("cs", order_id, 1), body))
        if made is not None:
            return await _launched(deps, made)
    async with deps.database.transaction() as tx:
        stone = await store.payment_of_order(tx, order_id)
        if stone is None:
            raise OrderNotPayable
        payment = await store.lock(tx, stone.id)
        if await store.asked_for(tx, payment.id) != asked:
            raise Conflict("This order's payment was asked for differently.", code="request_differs")
        if payment.state is not PaymentState.SUCCEEDED:
            payment = await _with_attempt(deps, tx, payment)
    return await _launched(deps, payment)


async def pay_again(deps: Deps, user_id: UUID, order_id: UUID, once: IdempotentRequest) -> tuple[Payment, bool]:
    """A page the buyer can pay on: the live one, or a new one once the earlier cannot be paid any more; and whether
    this is a repetition. Raises `NotFound`, `OrderNotPayable`, `PaymentUnavailable`."""
    async with deps.database.connection() as conn:
        payment = await store.payment_of_users_order(conn, user_id, order_id)
    if payment is None:
        raise NotFound
    if payment.state is PaymentState.OPEN and payment.attempt is not None:
        await _refresh(deps, payment, payment.attempt)
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, payment.id)
        replayed = await once.bound_resource(tx) is not None
        if not replayed:
            if payment.state is PaymentState.SUCCEEDED:
                raise OrderNotPayable
            payment = await _with_attempt(deps, tx, payment)
            await once.bind(tx, payment.id)
    return await _launched(deps, payment), replayed


async def _refresh(deps: Deps, payment: Payment, attempt: Attempt) -> None:
    """Nobody should be sent to a page that is over. And where cards were declined, or never given, a page may follow
    once that intent cannot be confirmed any more."""
    try:
        attempt = await settle(deps, payment, attempt)
        has_room = has_time(payment.payable_until, datetime.now(UTC))
        if has_room and (attempt.kind, attempt.state) == ("intent", AttemptState.OPEN):
            await end(deps, payment, attempt)
    except PaymentUnavailable:
        log.warning("answering as last known", extra={"payment_id": payment.id})


async def confirm_return(deps: Deps, payment: Payment) -> Payment:
    """The buyer is back from Stripe: settle as Stripe says. Raises `PaymentUnavailable`."""
    if payment.attempt is None or payment.state is PaymentState.SUCCEEDED:
        return payment
    await settle(deps, payment, payment.attempt)
    return await _fresh(deps, payment.id)


async def pay_directly(deps: Deps, payment: Payment, method: str, once: IdempotentRequest) -> tuple[Payment, bool]:
    """Charge a PaymentMethod of Stripe's without a page; and whether this is a repetition. Raises `OrderNotPayable`,
    `PaymentDeclined`, `Invalid` for an unknown method, `PaymentUnavailable`."""
    for _ in range(_LAUNCHES):
        async with deps.database.transaction() as tx:
            payment = await store.lock(tx, payment.id)
            replayed = await once.bound_resource(tx) is not None
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
            # The page must be dead before anything else can take money for this order.
            attempt = await end(deps, payment, attempt)
            if not attempt.settled:
                raise PaymentUnavailable
        elif attempt.state is AttemptState.OPENING:
            attempt = await _launch(deps, payment, attempt)
        if attempt.state is AttemptState.ENDED:
            continue
        if attempt.state in (AttemptState.OPEN, AttemptState.ACTION):
            await _confirm(deps, payment, attempt, method)
        async with deps.database.transaction() as tx:
            if await once.bound_resource(tx) is None:
                await once.bind(tx, payment.id)
        return await _fresh(deps, payment.id), False
    raise PaymentUnavailable


async def close(deps: Deps, order_id: UUID) -> Closed:
    """Make sure that this order can never be paid, or learn that it was."""
    async with deps.database.transaction() as tx:
        stone = await store.lay_stone(tx, new_id(), order_id)
        if stone.state is PaymentState.OPEN:
            require_move(PAYMENT_MOVES, stone.state, PaymentState.CLOSING)
            await store.set_state(tx, stone.id, PaymentState.CLOSING)
    if stone.state in _CLOSED:
        return _CLOSED[stone.state]
    payment = await _fresh(deps, stone.id)
    async with deps.database.connection() as conn:
        attempts = await store.unsettled(conn, stone.id)
    for attempt in attempts:
        try:
            await end(deps, payment, attempt)
        except PaymentUnavailable:
            return Closed("unknown")
    async with deps.database.transaction() as tx:
        payment = await store.lock(tx, stone.id)
        if payment.state is PaymentState.CLOSING and not await store.unsettled(tx, stone.id):
            require_move(PAYMENT_MOVES, payment.state, PaymentState.CLOSED)
            await store.set_state(tx, stone.id, PaymentState.CLOSED)
            await deps.feed.append(tx, PAYMENT_CLOSED, order_id, PaymentClosedEvent(stone.id))
            PAYMENTS.labels("closed").inc()
            payment = replace(payment, state=PaymentState.CLOSED)
    deps.feed.nudge()
    return _CLOSED.get(payment.state, Closed("unknown"))


async def end(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Make an attempt unpayable, or learn that it was paid. It is neither when Stripe has not decided yet. Raises
    `PaymentUnavailable`."""
    if attempt.state is AttemptState.OPENING:
        # Only the same request again tells what became of it.
        try:
            attempt = await _launch(deps, payment, attempt)
        except (PaymentRefused, OrderNotPayable):
            return await _attempt(deps, attempt)
    if attempt.state in (AttemptState.OPEN, AttemptState.ACTION):
        try:
            reading = await _end_at_stripe(deps, payment, attempt)
        except (StripeRefused, StoredFailure):
            return await settle(deps, payment, attempt)
        return await hold(deps, payment, attempt, reading)
    return await settle(deps, payment, attempt)


async def _end_at_stripe(deps: Deps, payment: Payment, attempt: Attempt) -> Reading:
    if attempt.kind == "session":
        assert attempt.session_id is not None
        return read_session(await deps.stripe.expire_session(attempt.session_id), payment.expected)
    assert attempt.intent_id is not None
    return read_intent(await deps.stripe.cancel_intent(attempt.intent_id), payment.expected)


async def _launched(deps: Deps, payment: Payment) -> Payment:
    """The payment, its newest attempt no longer in the air."""
    for _ in range(_LAUNCHES):
        attempt = payment.attempt
        if attempt is None or attempt.state is not AttemptState.OPENING:
            return payment
        after = await _launch(deps, payment, attempt)
        if not after.settled:
            return replace(payment, attempt=after)
        async with deps.database.transaction() as tx:
            payment = await _with_attempt(deps, tx, await store.lock(tx, payment.id))
    raise PaymentUnavailable


async def _launch(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Send an attempt's journaled request, for the first time or again. An attempt that Stripe has buried under a
    stored failure, or that came too late, ends: nobody ever learnt how to pay it."""
    try:
        if attempt.kind == "session":
            session = await deps.stripe.create_session(attempt.request, attempt.key)
            reading = read_session(session, payment.expected)
        else:
            reading = read_intent(await deps.stripe.create_intent(attempt.request, attempt.key), payment.expected)
    except StoredFailure:
        return await hold(deps, payment, attempt, Reading(AttemptState.ENDED, problem="stored failure"))
    except StripeRefused as refusal:
        after = await hold(deps, payment, attempt, Reading(AttemptState.ENDED, problem=str(refusal)[:500]))
        if refusal.param == "expires_at":
            return after
        raise PaymentRefused(reason=refusal.code or "refused") from refusal
    return await hold(deps, payment, attempt, reading)


async def _confirm(deps: Deps, payment: Payment, attempt: Attempt, method: str) -> None:
    """One confirmation of an intent. However many are sent, an intent takes money once."""
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
    await hold(deps, payment, attempt, read_intent(intent, payment.expected))


async def _with_attempt(deps: Deps, tx: Connection, payment: Payment) -> Payment:
    """The payment with its newest attempt, if that is not settled, else with a new one. Raises `OrderNotPayable`."""
    _require_payable(payment)
    if payment.attempt is not None and not payment.attempt.settled:
        return payment
    attempt = await _new_attempt(deps, tx, payment, "session")
    return replace(payment, attempt=attempt)


async def _new_attempt(deps: Deps, tx: Connection, payment: Payment, kind: str) -> Attempt:
    """Number and journal an attempt; the caller holds the payment's row and has seen that the last one is over."""
    _require_room(payment)
    asked = await store.asked_for(tx, payment.id)
    n = await store.next_n(tx, payment.id)
    if kind == "session":
        body, prefix = requests.session(payment.order_id, n, asked, deps.public_url), "cs"
    else:
        body, prefix = requests.intent(payment.order_id, n, asked), "pi"
    key = _key(prefix, payment.order_id, n)
    return await store.insert_attempt(tx, payment.id, n, kind, key, _encoded(body), payment.payable_until)


def _require_payable(payment: Payment) -> None:
    if payment.state is not PaymentState.OPEN or payment.payable_until <= datetime.now(UTC):
        raise OrderNotPayable


def _require_room(payment: Payment) -> None:
    """Whether another attempt could still be opened."""
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
