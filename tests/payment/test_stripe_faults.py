"""Stripe answers late, never, or with a failure that it stores: the buyer is charged once, by one attempt."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec
import pytest

from serai.contracts.payment import OpenPayment, PaymentUnavailable
from serai.payment import actions, store
from tests.payment.service import Buyer, PaymentService, opening

CREATE = "checkout.sessions.create"


async def attempts(service: PaymentService, buyer: Buyer) -> list[tuple[int, str]]:
    rows = await service.sql("select n, state from attempt where payment_id = $1 order by n", UUID(buyer.payment["id"]))
    return [(row["n"], row["state"]) for row in rows]


async def test_an_answer_that_never_came_is_asked_for_again_under_the_same_key(no_webhooks: PaymentService) -> None:
    await no_webhooks.fault(CREATE, "execute_then_timeout", delay_ms=50)
    buyer = await no_webhooks.buyer()
    assert await attempts(no_webhooks, buyer) == [(1, "open")]
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_a_failure_that_stripe_keeps_makes_a_second_attempt(no_webhooks: PaymentService) -> None:
    await no_webhooks.fault(CREATE, "execute_then_500")
    buyer = await no_webhooks.buyer()
    assert await attempts(no_webhooks, buyer) == [(1, "ended"), (2, "open")]
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
    assert await buyer.close() == "succeeded"


@pytest.mark.parametrize("fault", ["fail_500_before", "409", "429"])
async def test_what_was_not_carried_out_is_tried_again(no_webhooks: PaymentService, fault: str) -> None:
    await no_webhooks.fault(CREATE, fault, count=2)
    buyer = await no_webhooks.buyer()
    assert await attempts(no_webhooks, buyer) == [(1, "open")]


async def test_when_stripe_stays_away_the_order_tries_again_and_gets_the_same_attempt(
    no_webhooks: PaymentService,
) -> None:
    order_id, body = uuid4(), opening()
    await no_webhooks.fault(CREATE, "429", count=100)
    with pytest.raises(PaymentUnavailable):
        await actions.open_payment(no_webhooks.deps, order_id, msgspec.convert(body, OpenPayment))
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_faults")
    answer = await no_webhooks.open(order_id, body)
    assert answer.status_code == 200
    rows = await no_webhooks.sql("select n, state from attempt where payment_id = $1", UUID(answer.json()["id"]))
    assert [(row["n"], row["state"]) for row in rows] == [(1, "open")]


async def test_who_died_before_calling_stripe_is_carried_on_with(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    before = await no_webhooks.sql(
        "select session_id, key from attempt where payment_id = $1", UUID(buyer.payment["id"])
    )
    await no_webhooks.sql(
        "update attempt set state = 'opening', session_id = null, url = null where payment_id = $1",
        UUID(buyer.payment["id"]),
    )
    assert (await buyer.again()).json()["checkout_url"] == buyer.payment["checkout_url"]
    after = await no_webhooks.sql(
        "select session_id, key from attempt where payment_id = $1", UUID(buyer.payment["id"])
    )
    assert before == after


@pytest.mark.parametrize("fault", ["fail_500_before", "execute_then_500", "429"])
async def test_reading_that_fails_is_tried_again(no_webhooks: PaymentService, fault: str) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.pay()
    await no_webhooks.fault("checkout.sessions.retrieve", fault)
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_the_request_is_sent_again_with_the_bytes_it_was_journaled_with(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    async with no_webhooks.deps.database.connection() as conn:
        attempt = (await store.unsettled(conn, UUID(buyer.payment["id"])))[0]
    again = await no_webhooks.deps.stripe.create_session(attempt.request, attempt.key)
    assert again.id == attempt.session_id
