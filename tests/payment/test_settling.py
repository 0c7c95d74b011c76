"""A reading is recorded once and completely, whatever else changes the payment at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from serai.payment import store
from serai.payment.deps import ALERTS
from serai.payment.domain import Account, Attempt, AttemptState, Change, Intent, Payment, Reading, Session, decide
from serai.payment.settling import read, record, settle
from serai.payment.stripe_api import StripeApi
from tests.payment.service import Buyer, PaymentService, eventually

ENDED = Reading(AttemptState.ENDED)


async def seen(buyer: Buyer) -> tuple[Payment, Attempt]:
    """The payment as somebody knows it who read it just now."""
    async with buyer.service.deps.database.connection() as conn:
        payment = await store.payment(conn, UUID(buyer.payment["id"]))
    assert payment is not None
    assert payment.attempt is not None
    return payment, payment.attempt


def success(buyer: Buyer) -> Reading:
    return Reading(AttemptState.SUCCEEDED, intent_id=f"pi_{buyer.order_id.hex}")


def change(payment: Payment, attempt: Attempt, reading: Reading) -> Change:
    decided = decide(payment, attempt, reading)
    assert decided is not None
    return decided


async def states(buyer: Buyer) -> tuple[str, str]:
    payment, attempt = await seen(buyer)
    return payment.state, attempt.state


async def test_a_success_read_many_times_at_once_is_told_once(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    await buyer.pay()
    after = await asyncio.gather(*(settle(no_webhooks.deps, payment, attempt) for _ in range(8)))
    assert {each.state for each in after} == {AttemptState.SUCCEEDED}
    assert (await buyer.events()).count("payment.succeeded") == 1


async def test_of_two_changes_to_one_payment_in_one_statement_the_first_is_written(no_webhooks: PaymentService) -> None:
    buyer, other = await no_webhooks.buyer(), await no_webhooks.buyer()
    first, second = change(*await seen(buyer), success(buyer)), change(*await seen(buyer), ENDED)
    third = change(*await seen(other), ENDED)
    async with no_webhooks.deps.database.connection() as conn:
        assert await store.write_changes(conn, [(first, None), (second, None), (third, None)]) == [True, False, True]
    assert await states(buyer) == ("succeeded", "succeeded")
    assert await states(other) == ("open", "ended")


@pytest.mark.parametrize(
    ("what_happened", "now"),
    [
        ("update payment set state = 'closing' where id = $1", ("closing", "open")),
        ("update attempt set state = 'ended' where payment_id = $1", ("open", "ended")),
    ],
)
async def test_a_change_decided_on_what_is_no_more_writes_nothing(
    no_webhooks: PaymentService, what_happened: str, now: tuple[str, str]
) -> None:
    buyer = await no_webhooks.buyer()
    decided = change(*await seen(buyer), success(buyer))
    await no_webhooks.sql(what_happened, decided.payment.id)
    async with no_webhooks.deps.database.connection() as conn:
        assert await store.write_changes(conn, [(decided, None)]) == [False]
    assert await states(buyer) == now


async def test_a_change_to_an_attempt_that_changes_meanwhile_is_not_written_by_half(
    no_webhooks: PaymentService,
) -> None:
    buyer = await no_webhooks.buyer()
    decided = change(*await seen(buyer), success(buyer))
    database = no_webhooks.deps.database
    async with database.connection() as conn:
        async with database.transaction() as tx:
            await tx.execute("update attempt set state = 'ended' where payment_id = $1", decided.payment.id)
            writing = asyncio.create_task(store.write_changes(conn, [(decided, None)]))
            await eventually(lambda: somebody_waits(no_webhooks))
        assert await writing == [False]
    assert await states(buyer) == ("open", "ended")


async def test_a_payment_that_somebody_holds_is_waited_for_by_nobody_else(no_webhooks: PaymentService) -> None:
    buyer, other = await no_webhooks.buyer(), await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    async with no_webhooks.deps.database.transaction() as tx:
        await store.lock(tx, payment.id)
        held = asyncio.create_task(record(no_webhooks.deps, payment, attempt, success(buyer)))
        await eventually(lambda: somebody_waits(no_webhooks))
        assert (await record(no_webhooks.deps, *await seen(other), success(other))).state is AttemptState.SUCCEEDED
        assert not held.done()
        await tx.execute("update payment set state = 'closing' where id = $1", payment.id)
    assert (await held).state is AttemptState.SUCCEEDED
    assert await states(buyer) == ("succeeded", "succeeded")
    assert (await buyer.events())[-1] == "payment.succeeded"


async def test_money_that_came_after_the_end_is_held_for_true_and_told_to_a_person(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    await record(no_webhooks.deps, payment, attempt, ENDED)
    alerts = ALERTS.labels("paid_after_close")
    before = alerts._value.get()
    # What is known here is as old as before.
    await record(no_webhooks.deps, payment, attempt, success(buyer))
    assert await states(buyer) == ("succeeded", "succeeded")
    assert alerts._value.get() == before + 1


async def test_an_attempt_whose_object_stripe_does_not_know_is_parked(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    alerts = ALERTS.labels("payment_mismatch")
    before = alerts._value.get()
    after = await settle(no_webhooks.deps, payment, replace(attempt, session_id="cs_of_another_account"))
    assert after.state is AttemptState.PARKED
    assert await states(buyer) == ("open", "parked")
    assert alerts._value.get() == before + 1


class BankDebit(StripeApi):
    """Stripe with a session whose buyer pays by bank debit, which the sandbox does not offer."""

    def __init__(self, order_id: UUID, intent: Intent) -> None:
        self._order_id, self._intent = order_id, intent

    async def session(self, session_id: str) -> Session:
        order = str(self._order_id)
        metadata = {"order_id": order}
        return Session(session_id, "complete", "unpaid", None, self._intent.id, 5000, "usd", order, 0, metadata)

    async def intent(self, intent_id: str) -> Intent:
        assert intent_id == self._intent.id
        return self._intent


@pytest.mark.parametrize(
    ("status", "state"), [("processing", AttemptState.PROCESSING), ("requires_payment_method", AttemptState.ENDED)]
)
async def test_the_intent_of_a_bank_debit_says_whether_it_has_failed(
    no_webhooks: PaymentService, status: str, state: AttemptState
) -> None:
    payment, attempt = await seen(await no_webhooks.buyer(5000))
    debit = BankDebit(payment.order_id, Intent("pi_1", status, 5000, 0, "usd", {}))
    reading = await read(debit, payment, attempt)
    assert reading is not None
    assert reading.state is state


async def test_an_attempt_without_an_object_at_stripe_stays_as_it_is(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    unknown = replace(attempt, session_id=None)
    assert await settle(no_webhooks.deps, payment, unknown) is unknown


async def test_the_account_of_a_charge_holds_what_was_captured(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(4200)
    payment, attempt = await seen(buyer)
    assert payment.account == Account()
    after = await record(no_webhooks.deps, payment, attempt, success(buyer))
    assert after.account == (await seen(buyer))[0].account == Account(captured=4200)


async def test_a_late_reading_of_what_is_decided_changes_nothing(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    payment, attempt = await seen(buyer)
    await record(no_webhooks.deps, payment, attempt, success(buyer))
    after = await record(no_webhooks.deps, payment, attempt, Reading(AttemptState.OPEN, url="https://late.example"))
    assert (after.state, after.url) == (AttemptState.SUCCEEDED, None)
    assert (await buyer.events()).count("payment.succeeded") == 1


async def somebody_waits(service: PaymentService) -> bool:
    return bool(
        await service.sql(
            """select 1 from pg_stat_activity
               where wait_event_type = 'Lock' and datname = current_database() and pid <> pg_backend_pid()"""
        )
    )
