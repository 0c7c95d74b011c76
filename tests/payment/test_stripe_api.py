"""The outcome of a call to Stripe: what is final, what is tried again, and how lists are read to their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from serai.contracts.payment import PaymentUnavailable
from serai.payment.sdk import stripe
from serai.payment.stripe_api import (
    Listing,
    StoredFailure,
    StripeApi,
    StripeDeclined,
    StripeEvent,
    StripeRefused,
    raise_if_final,
)
from tests.payment.service import PaymentService
from tests.sandbox.process import KEY

#: The SDK leaves the constructors of its errors unannotated.
errors: Any = stripe

REPLAYED = {"Idempotent-Replayed": "true"}
NO_RETRY = {"Stripe-Should-Retry": "false"}


@asynccontextmanager
async def stripe_api(service: PaymentService, key: str, call_s: float) -> AsyncIterator[StripeApi]:
    """A client of the sandbox with a time limit of its own, whose connections are closed afterwards."""
    api = StripeApi(key, service.sandbox.api, call_s=call_s)
    serving = asyncio.create_task(api.serve())
    try:
        yield api
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.alert for record in caplog.records if hasattr(record, "alert")]


def server_error(status: int, headers: dict[str, str]) -> stripe.StripeError:
    return stripe.APIError("it failed", http_status=status, headers=headers)


@pytest.mark.parametrize("headers", [REPLAYED, NO_RETRY])
def test_a_failure_that_stripe_stores_for_a_key_is_final(headers: dict[str, str]) -> None:
    with pytest.raises(StoredFailure):
        raise_if_final(server_error(500, headers), "refunds.create", keyed=True)


@pytest.mark.parametrize(
    ("error", "keyed"),
    [
        (server_error(500, {}), True),
        (server_error(503, {"Stripe-Should-Retry": "true"}), True),
        # A reading has no key, so nothing is stored for it.
        (server_error(500, NO_RETRY), False),
        (server_error(409, NO_RETRY), True),
        (errors.RateLimitError("too many", http_status=429), True),
        (errors.APIConnectionError("no route"), True),
    ],
)
def test_what_may_succeed_later_is_tried_again(error: stripe.StripeError, keyed: bool) -> None:
    raise_if_final(error, "refunds.create", keyed=keyed)


def test_a_decline_keeps_the_reason_of_the_bank() -> None:
    body = {"error": {"decline_code": "insufficient_funds", "message": "Not enough money."}}
    error = errors.CardError("Not enough money.", None, "card_declined", http_status=402, json_body=body)
    with pytest.raises(StripeDeclined) as declined:
        raise_if_final(error, "payment_intents.confirm", keyed=True)
    assert (declined.value.code, declined.value.decline_code) == ("card_declined", "insufficient_funds")


def test_a_decline_without_a_body_has_no_reason() -> None:
    with pytest.raises(StripeDeclined) as declined:
        raise_if_final(errors.CardError("Declined.", None, "card_declined"), "payment_intents.confirm", keyed=True)
    assert declined.value.decline_code is None


def test_a_refusal_names_the_parameter() -> None:
    error = errors.InvalidRequestError("Too short.", "expires_at", "parameter_invalid", http_status=400)
    with pytest.raises(StripeRefused) as refused:
        raise_if_final(error, "checkout.sessions.create", keyed=True)
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "expires_at")


@pytest.mark.parametrize(
    "error",
    [
        errors.AuthenticationError("no such key", http_status=401),
        errors.PermissionError("not allowed", http_status=403),
        errors.IdempotencyError("other bytes", http_status=400),
    ],
)
def test_a_rejected_service_is_an_alert_and_not_the_buyers_fault(
    error: stripe.StripeError, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PaymentUnavailable):
        raise_if_final(error, "refunds.create", keyed=True)
    assert alerts(caplog) == ["stripe_refuses_us"]


def test_objects_may_have_fields_that_this_version_does_not_know() -> None:
    body = {"id": "evt_1", "type": "t", "created": 1, "livemode": False, "data": {"object": {"id": "a", "object": "b"}}}
    body["data"]["object"]["amount"] = 1  # type: ignore[index]  # of mixed values
    assert msgspec.json.decode(msgspec.json.encode(body), type=StripeEvent).data.object.id == "a"


async def test_a_wrong_api_key_makes_the_service_unavailable(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    async with stripe_api(no_webhooks, "sk_test_of_somebody_else", 5.0) as api:
        with pytest.raises(PaymentUnavailable):
            await api.session("cs_1")
    assert alerts(caplog) == ["stripe_refuses_us"]


async def test_a_response_that_cannot_be_decoded_is_an_alert(
    no_webhooks: PaymentService, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    (row,) = await no_webhooks.sql("select session_id from attempt where payment_id = $1", UUID(buyer.payment["id"]))
    with pytest.raises(PaymentUnavailable):
        # A session has neither `data` nor `has_more`.
        await no_webhooks.deps.stripe._list("test", f"/v1/checkout/sessions/{row['session_id']}", Listing[Any], {})
    assert alerts(caplog) == ["stripe_answer"]


async def test_the_time_of_a_call_is_limited_with_all_its_tries(no_webhooks: PaymentService) -> None:
    await no_webhooks.fault("refunds.retrieve", "429", count=1000)
    async with stripe_api(no_webhooks, KEY, 0.3) as api:
        with pytest.raises(PaymentUnavailable):
            await api.refund("re_1")


async def test_the_refunds_of_an_intent_are_read_to_the_last_page(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    (row,) = await no_webhooks.sql("select intent_id from attempt where payment_id = $1", UUID(buyer.payment["id"]))
    api = no_webhooks.deps.stripe
    made = set()
    for _ in range(101):
        request = {"payment_intent": row["intent_id"], "amount": 1}
        made.add((await api.create_refund(msgspec.json.encode(request).decode(), str(uuid4()))).id)
    assert {refund.id for refund in await api.refunds_of(row["intent_id"])} == made


async def test_a_session_is_expired_by_every_call_and_not_by_a_stored_answer(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    session_id = buyer.payment["checkout_url"].rpartition("/")[2]
    assert (await no_webhooks.deps.stripe.expire_session(session_id)).status == "expired"
    with pytest.raises(StripeRefused):
        await no_webhooks.deps.stripe.expire_session(session_id)
