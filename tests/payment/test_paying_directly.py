"""API clients and saved cards pay with a PaymentIntent instead of the page, and never with both."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from tests.payment.service import PaymentService


async def test_a_saved_card_pays_and_the_page_is_dead_first(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    key = str(uuid4())
    paid = await buyer.confirm("pm_card_visa", key)
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")
    assert (await buyer.pay()).status_code != 303
    assert len(await buyer.charges()) == 1
    again = await buyer.confirm("pm_card_visa", key)
    assert again.json() == paid.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await buyer.charges()) == 1
    assert await buyer.events() == ["payment.opened", "payment.succeeded"]


async def test_a_declined_card_is_told_with_its_reason_and_another_may_follow(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    key = str(uuid4())
    declined = await buyer.confirm("pm_card_chargeDeclinedInsufficientFunds", key)
    assert (declined.status_code, declined.json()["code"]) == (409, "payment_declined")
    assert declined.json()["decline_code"] == "insufficient_funds"
    assert await buyer.status() == "requires_payment"
    assert (await buyer.confirm("pm_card_visa")).json()["status"] == "succeeded"
    assert len(await buyer.charges()) == 1


async def test_after_a_decline_the_buyer_may_have_a_page_instead(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.confirm("pm_card_chargeDeclined")
    page = await buyer.again()
    assert page.status_code == 201
    buyer.payment = page.json()
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
    assert len(await buyer.charges()) == 1


async def test_a_bank_that_asks_back_is_where_the_buyer_goes(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    asked = (await buyer.confirm("pm_card_authenticationRequired")).json()
    assert asked["status"] == "requires_action"
    assert asked["checkout_url"] is None
    answered = await no_webhooks.web.post(asked["next_action"]["redirect_url"], data={"action": "approve"})
    assert answered.status_code == 303
    paid = (await buyer.confirm()).json()
    assert paid["status"] == "succeeded"
    assert "next_action" not in paid


async def test_an_unknown_method_is_refused_and_a_card_number_never_gets_far(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    unknown = await buyer.confirm("pm_nobody_knows")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "payment_method")
    number = await buyer.confirm("4242424242424242")
    assert number.status_code == 422
    assert (await buyer.confirm("pm_card_visa")).json()["status"] == "succeeded"


@pytest.mark.parametrize("fault", ["execute_then_500", "execute_then_timeout", "fail_500_before", "409"])
@pytest.mark.parametrize("operation", ["payment_intents.create", "payment_intents.confirm"])
async def test_a_confirmation_whose_answer_is_lost_charges_once(
    no_webhooks: PaymentService, operation: str, fault: str
) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.fault(operation, fault, **({"delay_ms": 50} if fault == "execute_then_timeout" else {}))
    answer = await buyer.confirm("pm_card_visa")
    if answer.status_code == 503:
        answer = await buyer.confirm("pm_card_visa")
    assert answer.json()["status"] == "succeeded", answer.text
    assert len(await buyer.charges()) == 1


async def test_many_confirmations_and_the_page_at_once_charge_once(service: PaymentService) -> None:
    buyer = await service.buyer()
    await asyncio.gather(buyer.pay(), *(buyer.confirm("pm_card_visa") for _ in range(4)))
    await buyer.confirm()
    await buyer.becomes("succeeded")
    assert len(await buyer.charges()) == 1
    assert (await buyer.events()).count("payment.succeeded") == 1


async def test_one_order_is_no_place_to_try_out_cards(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.confirm("pm_card_chargeDeclined")
    await no_webhooks.sql(
        "update attempt set confirms = 20 where payment_id = $1 and kind = 'intent'", UUID(buyer.payment["id"])
    )
    refused = await buyer.confirm("pm_card_visa")
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_payable")
    assert not await buyer.charges()


async def test_closing_cancels_an_intent(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await buyer.confirm("pm_card_authenticationRequired")
    assert await buyer.close() == "closed"
    (attempt,) = await no_webhooks.sql(
        "select intent_id from attempt where payment_id = $1 and kind = 'intent'", UUID(buyer.payment["id"])
    )
    assert (await no_webhooks.deps.stripe.intent(attempt["intent_id"])).status == "canceled"


async def test_no_intent_is_opened_in_the_last_half_hour(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.sql(
        "update payment set payable_until = now() + interval '29 minutes' where order_id = $1", buyer.order_id
    )
    late = await buyer.confirm("pm_card_visa")
    assert (late.status_code, late.json()["code"]) == (409, "order_not_payable")
    # What could still be paid must not have been taken away for it.
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
