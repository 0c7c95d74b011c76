"""How the state of an attempt follows Stripe.

The webhook, the buyer's return, the sweeps and closing all use this module. It reads the object from Stripe and never
trusts the contents of a message. Readings may arrive twice, late and in any order.

Usually no other transaction changes the payment at the same time. A reading is therefore decided for the last known
states, and one statement writes it if the rows still have them. Otherwise the reading is decided again under the
payment's row lock.
"""

from __future__ import annotations

from serai.chassis.data.feed import NewEvent, new_event
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts.payment import PAYMENT_OPENED, PAYMENT_SUCCEEDED, PaymentOpened, PaymentSucceeded
from serai.payment import refund_store, store, views
from serai.payment.deps import PAYMENTS, Deps, alert
from serai.payment.domain import (
    Attempt,
    AttemptState,
    Change,
    Effect,
    Payment,
    PaymentState,
    Reading,
    decide,
    read_intent,
    read_session,
)
from serai.payment.stripe_api import StripeApi, StripeRefused


async def settle(deps: Deps, payment: Payment, attempt: Attempt) -> Attempt:
    """Read the attempt from Stripe and record the reading. Raises `PaymentUnavailable`."""
    if attempt.state is AttemptState.SUCCEEDED:
        return attempt
    reading = await read(deps.stripe, payment, attempt)
    return attempt if reading is None else await record(deps, payment, attempt, reading)


async def read(stripe: StripeApi, payment: Payment, attempt: Attempt) -> Reading | None:
    """The attempt's state at Stripe; None while the attempt has no known object there."""
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


async def record(deps: Deps, payment: Payment, attempt: Attempt, reading: Reading) -> Attempt:
    """Write what a reading changes, with its event. Returns the attempt as it is afterwards. Raises `IllegalMove`."""
    change = decide(payment, attempt, reading) if attempt.live and payment.state in _PAYABLE else None
    if change is None or not await deps.write_change((change, _event(change))):
        async with deps.database.transaction() as tx:
            locked = await store.lock(tx, payment.id)
            newest = locked.attempt
            if newest is None or newest.n != attempt.n:
                newest = await store.attempt(tx, locked.id, attempt.n)
            change = decide(locked, newest, reading)
            if change is None:
                return newest
            (written,) = await store.write_changes(tx, [(change, _event(change))])
            assert written
            if change.effect is Effect.PAID_TWICE:
                # The refund sweep sends it to Stripe.
                assert reading.intent_id is not None
                await refund_store.insert_refund(
                    tx, new_id(), locked.id, reading.intent_id, locked.amount, duplicate=True
                )
                account = change.after.account.create_refund(locked.amount)
                await store.set_refund_totals(tx, locked.id, reading.intent_id, account)
    deps.feed.nudge()
    _report(change)
    return change.after


def _event(change: Change) -> NewEvent | None:
    payment, after = change.payment, change.after
    # The response of opening the payment describes the first attempt, so its event would only cost time.
    if change.effect is Effect.OPENED and after.n > 1:
        return new_event(PAYMENT_OPENED, PaymentOpened(payment.id, after.n, after.url, after.expires_at))
    if change.effect is Effect.PAID:
        amount = Money(payment.amount, payment.currency)
        account = views.charge_account(after.account, payment.currency)
        return new_event(PAYMENT_SUCCEEDED, PaymentSucceeded(payment.id, amount, account))
    return None


def _report(change: Change) -> None:
    """Count the effect, and raise an alert for one that must not happen."""
    if change.effect is None:
        return
    PAYMENTS.labels(_OUTCOMES[change.effect]).inc()
    n, order_id = change.attempt.n, change.payment.order_id
    if change.effect is Effect.PARKED:
        alert("payment_mismatch", f"attempt {n} is parked: {change.reading.problem}", order_id)
    elif change.effect is Effect.PAID_TWICE:
        alert("charged_twice", f"attempt {n} was paid too and will be refunded", order_id)
    elif change.too_late:
        alert("paid_after_close", f"attempt {n} was paid after it had ended", order_id)


#: The states in which the last known attempt is probably up to date; other readings are decided under the lock.
_PAYABLE = (PaymentState.OPEN, PaymentState.CLOSING)
_OUTCOMES = {
    Effect.OPENED: "opened",
    Effect.PAID: "succeeded",
    Effect.PAID_TWICE: "duplicate",
    Effect.PARKED: "parked",
}
