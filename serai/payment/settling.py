"""The one way from what Stripe says to what we hold for true.

The webhook, the buyer's return, the sweeps and closing all end here: the object is read from Stripe, never believed
from a message. Readings may come twice, late and in any order. Mostly nobody else is at the same payment, so a reading
is decided on what was last seen of it and written by one statement that insists on that; else it is decided again with
the payment's row locked.
"""

from __future__ import annotations

from serai.chassis.data.feed import NewEvent, new_event
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts.payment import PAYMENT_OPENED, PAYMENT_SUCCEEDED, PaymentOpened, PaymentSucceeded
from serai.payment import store
from serai.payment.deps import PAYMENTS, Deps, alert
from serai.payment.domain import (
    Attempt,
    AttemptState,
    Change,
    Payment,
    PaymentState,
    Reading,
    Turn,
    decide,
    read_intent,
    read_session,
)
from serai.payment.stripe_api import StripeApi, StripeRefused


async def settle(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Read the attempt from Stripe and hold it for true. Raises `PaymentUnavailable`."""
    if attempt.state is AttemptState.SUCCEEDED:
        return attempt
    reading = await read(deps.stripe, payment, attempt)
    return attempt if reading is None else await hold(deps, payment, attempt, reading)


async def read(stripe: StripeApi, payment: Payment, attempt: Attempt) -> Reading | None:
    """What Stripe says about the attempt; None while it has no object there that we know of."""
    try:
        if attempt.session_id is not None:
            session = await stripe.session(attempt.session_id)
            waiting = session.status == "complete" and session.payment_status == "unpaid" and session.payment_intent
            intent = await stripe.intent(waiting) if waiting else None
            return read_session(session, payment.expected, intent)
        if attempt.kind == "intent" and attempt.intent_id is not None:
            return read_intent(await stripe.intent(attempt.intent_id), payment.expected)
    except StripeRefused as refusal:
        return Reading(AttemptState.PARKED, problem=f"cannot be read: {refusal}")
    return None


async def hold(deps: Deps, payment: Payment, attempt: Attempt, reading: Reading) -> Attempt:
    """Hold a reading for true: in one statement if the payment is as we last saw it, else under its lock."""
    change = decide(payment, attempt, reading) if attempt.live and payment.state in _PAYABLE else None
    if change is None or not await deps.write((change, _event(change))):
        async with deps.database.transaction() as tx:
            held = await store.lock(tx, payment.id)
            newest = held.attempt
            if newest is None or newest.n != attempt.n:
                newest = await store.attempt(tx, held.id, attempt.n)
            change = decide(held, newest, reading)
            if change is None:
                return newest
            (written,) = await store.write_changes(tx, [(change, _event(change))])
            assert written
            if change.turn is Turn.PAID_TWICE:
                # The refund sweep sends it back.
                assert reading.intent_id is not None
                await store.insert_refund(tx, new_id(), held.id, reading.intent_id, held.amount, duplicate=True)
    deps.feed.nudge()
    _announce(change)
    return change.after


def _event(change: Change) -> NewEvent | None:
    payment, after = change.payment, change.after
    # The first one is the answer that the order is waiting for; telling it twice would cost every purchase an event.
    if change.turn is Turn.OPENED and after.n > 1:
        return new_event(PAYMENT_OPENED, PaymentOpened(payment.id, after.n, after.url, after.expires_at))
    if change.turn is Turn.PAID:
        return new_event(PAYMENT_SUCCEEDED, PaymentSucceeded(payment.id, Money(payment.amount, payment.currency)))
    return None


def _announce(change: Change) -> None:
    """Count what happened, and tell a person what should not have."""
    if change.turn is None:
        return
    PAYMENTS.labels(_OUTCOMES[change.turn]).inc()
    n, order_id = change.attempt.n, change.payment.order_id
    if change.turn is Turn.PARKED:
        alert("payment_mismatch", f"attempt {n} is parked: {change.reading.problem}", order_id)
    elif change.turn is Turn.PAID_TWICE:
        alert("charged_twice", f"attempt {n} was paid too; giving it back", order_id)
    elif change.too_late:
        alert("paid_after_close", f"attempt {n} was paid after it could not be any more", order_id)


#: The states in which what we know may still be true; whatever is read later is looked at under the lock.
_PAYABLE = (PaymentState.OPEN, PaymentState.CLOSING)
_OUTCOMES = {
    Turn.OPENED: "opened",
    Turn.PAID: "succeeded",
    Turn.PAID_TWICE: "duplicate",
    Turn.PARKED: "parked",
}
