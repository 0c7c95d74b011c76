from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.sandbox.params import canonical
from tests.sandbox.process import DECLINED, Sandbox, error_in, eventually, session_params


def create(sandbox: Sandbox, key: str, timeout_s: float = 10, **params: Any) -> stripe.PaymentIntent:
    body: Any = {"amount": 700, "currency": "usd", **params}
    return sandbox.stripe(timeout_s=timeout_s).v1.payment_intents.create(body, {"idempotency_key": key})


def replayed(answer: stripe.StripeObject) -> bool:
    response = answer.last_response
    assert response is not None
    return response.headers.get("Idempotent-Replayed") == "true"


def confirmed(**params: Any) -> dict[str, Any]:
    return {"confirm": True, "return_url": "http://shop.test/back", **params}


def test_a_repeated_request_returns_the_first_result(sandbox: Sandbox) -> None:
    key = str(uuid4())
    first, second = create(sandbox, key), create(sandbox, key)
    assert first.to_dict() == second.to_dict()
    assert (replayed(first), replayed(second)) == (False, True)


def test_replays_the_stored_response_and_not_the_current_state(sandbox: Sandbox) -> None:
    key = str(uuid4())
    intent = create(sandbox, key)
    sandbox.stripe().v1.payment_intents.cancel(intent.id)
    assert create(sandbox, key).status == "requires_payment_method"


def test_refuses_other_parameters_under_the_same_key(sandbox: Sandbox) -> None:
    key = str(uuid4())
    create(sandbox, key)
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        create(sandbox, key, amount=701)
    with pytest.raises(stripe.IdempotencyError):
        sandbox.stripe().v1.checkout.sessions.create(session_params(), {"idempotency_key": key})


def test_does_not_bind_a_request_that_failed_validation(sandbox: Sandbox) -> None:
    key = str(uuid4())
    with pytest.raises(stripe.InvalidRequestError):
        create(sandbox, key, amount=1)
    assert not replayed(create(sandbox, key))


def test_binds_a_declined_card(sandbox: Sandbox) -> None:
    key, params = str(uuid4()), confirmed(payment_method="pm_card_chargeDeclined")
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            create(sandbox, key, **params)
        errors.append(caught.value)
    assert errors[0].json_body == errors[1].json_body
    assert (errors[1].headers or {})["Idempotent-Replayed"] == "true"


def test_binds_a_missing_object(sandbox: Sandbox) -> None:
    key = str(uuid4())
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            sandbox.stripe().v1.refunds.create({"payment_intent": "pi_nobody"}, {"idempotency_key": key})
    assert (caught.value.headers or {})["Idempotent-Replayed"] == "true"


def test_stores_a_500_that_came_after_the_work(sandbox: Sandbox) -> None:
    key, params = str(uuid4()), confirmed(payment_method="pm_card_visa", metadata={"key": str(uuid4())})
    sandbox.fault("payment_intents.create", "execute_then_500")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            create(sandbox, key, **params)
        assert caught.value.http_status == 500
    charged = [entry for entry in sandbox.whole_ledger() if entry["metadata"] == params["metadata"]]
    assert len(charged) == 1


def test_replays_after_a_timeout_that_came_after_the_work(sandbox: Sandbox) -> None:
    key, params = str(uuid4()), confirmed(payment_method="pm_card_visa", metadata={"key": str(uuid4())})
    sandbox.fault("payment_intents.create", "execute_then_timeout", delay_ms=5_000)
    with pytest.raises(stripe.APIConnectionError):
        create(sandbox, key, timeout_s=0.3, **params)
    again = create(sandbox, key, **params)
    assert replayed(again)
    assert again.status == "succeeded"
    assert len([entry for entry in sandbox.whole_ledger() if entry["metadata"] == params["metadata"]]) == 1


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("fail_500_before", 500, None), ("409", 409, "lock_timeout"), ("429", 429, "rate_limit")],
)
def test_does_not_bind_a_request_that_was_not_executed(
    sandbox: Sandbox, fault: str, status: int, code: str | None
) -> None:
    key = str(uuid4())
    sandbox.fault("payment_intents.create", fault)
    with pytest.raises(stripe.StripeError) as caught:
        create(sandbox, key)
    assert (caught.value.http_status, error_in(caught.value).get("code")) == (status, code)
    assert not replayed(create(sandbox, key))


def test_refuses_a_key_that_is_in_use(sandbox: Sandbox) -> None:
    key = str(uuid4())
    sandbox.fault("payment_intents.create", "delay", delay_ms=1_000)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(create, sandbox, key)
        eventually(lambda: not sandbox.http.get(f"{sandbox.api}/_faults").json()["items"])
        with pytest.raises(stripe.StripeError) as caught:
            create(sandbox, key)
        assert (caught.value.http_status, error_in(caught.value)["code"]) == (
            409,
            "idempotency_key_in_use",
        )
    assert create(sandbox, key).id == first.result().id


def test_concurrent_requests_create_one_object(sandbox: Sandbox) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(8) as askers:
        made = list(askers.map(lambda _: create(sandbox, key).id, range(16)))
    assert len(set(made)) == 1


def test_creates_a_new_object_once_the_key_is_deleted(sandbox: Sandbox) -> None:
    key = str(uuid4())
    first = create(sandbox, key)
    kept = sandbox.http.delete(f"{sandbox.api}/_idempotency", params={"older_than_s": 86_400})
    assert kept.json() == {"removed": 0}
    assert sandbox.http.delete(f"{sandbox.api}/_idempotency", params={"older_than_s": 0}).json()["removed"] > 0
    assert create(sandbox, key).id != first.id


def test_the_order_of_parameters_does_not_matter(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer sk_test_of_the_tests", "Idempotency-Key": str(uuid4())}
    url, made = f"{sandbox.api}/v1/payment_intents", []
    for pairs in ({"amount": "700", "currency": "usd"}, {"currency": "usd", "amount": "700"}):
        made.append(sandbox.http.post(url, data=pairs, headers=headers).json()["id"])
    assert made[0] == made[1]


def test_binds_nothing_when_the_buyer_is_declined_on_the_page(sandbox: Sandbox) -> None:
    key = str(uuid4())
    session = sandbox.stripe().v1.checkout.sessions.create(session_params(), {"idempotency_key": key})
    sandbox.pay(session.url, DECLINED)
    again = sandbox.stripe().v1.checkout.sessions.create(session_params(), {"idempotency_key": key})
    assert again.id == session.id


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), unique_by=lambda pair: pair[0]),
    st.randoms(),
)
def test_two_requests_are_the_same_only_if_their_parameters_are(pairs: list[tuple[str, str]], random: Any) -> None:
    shuffled = random.sample(pairs, len(pairs))
    assert canonical(urlencode(pairs)) == canonical(urlencode(shuffled))
    assert canonical(urlencode([*pairs, ("one more", "x")])) != canonical(urlencode(pairs))
