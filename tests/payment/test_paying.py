"""A payment is opened and paid on Stripe's page, and its success is published exactly once."""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest

from serai.contracts.payment import OpenPayment, PaymentRefused
from serai.payment import actions
from serai.payment.deps import Deps
from tests.payment.service import PaymentService, account, opening, usd
from tests.sandbox.process import DECLINED


async def test_a_buyer_pays_on_the_page_and_the_webhook_settles_the_payment(service: PaymentService) -> None:
    buyer = await service.buyer(5001)
    assert buyer.payment["status"] == "requires_payment"
    back = await buyer.pay()
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"http://localhost:8080/orders/{buyer.order_id}?session_id=cs_")
    await buyer.becomes("succeeded")
    assert await buyer.events() == ["payment.succeeded"]
    assert [charge["amount"] for charge in await buyer.charges()] == [5001]


async def test_the_payment_is_settled_when_the_buyer_returns_without_a_webhook(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000)
    assert (await buyer.confirm()).json()["status"] == "requires_payment"
    await buyer.pay()
    paid = (await buyer.confirm()).json()
    assert (paid["status"], paid["amount"], paid["checkout_url"]) == ("succeeded", usd(5000), None)
    assert (await buyer.confirm()).json() == paid
    assert (await no_webhooks.events(buyer.order_id))[-1] == {
        "type": "payment.succeeded",
        "payment_id": paid["id"],
        "amount": usd(5000),
        "account": account(5000),
    }


async def test_a_declined_card_leaves_the_page_open_for_another(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    assert (await buyer.pay(DECLINED)).status_code == 402
    assert (await buyer.confirm()).json()["status"] == "requires_payment"
    assert (await buyer.pay()).status_code == 303
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_a_buyer_who_leaves_the_page_returns_to_the_order_and_can_still_pay(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    back = await buyer.pay(action="cancel")
    assert back.headers["location"] == f"http://localhost:8080/orders/{buyer.order_id}"
    again = await buyer.again()
    assert again.json()["checkout_url"] == buyer.payment["checkout_url"]


async def test_opening_a_payment_is_idempotent(no_webhooks: PaymentService) -> None:
    order_id, body = uuid4(), opening()
    first, second = await no_webhooks.open(order_id, body), await no_webhooks.open(order_id, body)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert len(await no_webhooks.sql("select 1 from attempt where payment_id = $1", first.json()["id"])) == 1


async def test_a_different_request_for_the_same_order_is_refused(no_webhooks: PaymentService) -> None:
    order_id, body = uuid4(), opening(5000)
    await no_webhooks.open(order_id, body)
    other = await no_webhooks.open(order_id, {**body, "email": "eve@example.com"})
    assert (other.status_code, other.json()["code"]) == (409, "request_differs")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": usd(4999)}, "lines"),
        ({"amount": {"amount": 5000, "currency": "EUR"}}, "amount.currency"),
        ({"amount": usd(100_000_000)}, "amount.amount"),
        ({"amount": usd(0)}, "amount.amount"),
        ({"amount": usd(49)}, "amount.amount"),
        ({"lines": []}, "lines"),
        ({"payable_until": "2030-01-01T00:00:00"}, "payable_until"),
    ],
)
async def test_what_stripe_would_refuse_is_refused_before_anything_is_stored(
    no_webhooks: PaymentService, change: dict[str, object], field: str
) -> None:
    order_id = uuid4()
    answer = await no_webhooks.open(order_id, opening(5000) | change)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not await no_webhooks.sql("select 1 from payment where order_id = $1", order_id)


async def test_what_only_stripe_refuses_is_refused_permanently(no_webhooks: PaymentService) -> None:
    shared = no_webhooks.deps
    misconfigured = Deps(shared.database, shared.feed, shared.stripe, "localhost", "USD", shared.webhook_secrets)
    with pytest.raises(PaymentRefused) as refused:
        await actions.open_payment(misconfigured, uuid4(), msgspec.convert(opening(), OpenPayment))
    assert (refused.value.status, refused.value.facts) == (409, {"reason": "url_invalid"})


async def test_more_lines_than_stripe_shows_and_very_long_names_can_be_paid(no_webhooks: PaymentService) -> None:
    lines = [{"name": f"{'long ' * 60}{n}", "quantity": 1, "unit_price": usd(100)} for n in range(120)]
    buyer = await no_webhooks.buyer(12_000, lines=lines)
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_an_email_address_that_stripe_would_refuse_does_not_prevent_a_payment(
    no_webhooks: PaymentService,
) -> None:
    assert (await no_webhooks.buyer(email="ada@localhost")).payment["checkout_url"]


async def test_an_order_that_cannot_be_paid_long_enough_is_not_opened(no_webhooks: PaymentService) -> None:
    answer = await no_webhooks.open(uuid4(), opening(minutes=29))
    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_payable")


async def test_the_open_page_is_returned_again_and_a_repeated_key_is_marked_as_replayed(
    no_webhooks: PaymentService,
) -> None:
    buyer = await no_webhooks.buyer()
    key = str(uuid4())
    first, second = await buyer.again(key), await buyer.again(key)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.json()["checkout_url"] == buyer.payment["checkout_url"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    reused = await buyer.post("/api/payments", {"order_id": str(uuid4())}, key)
    assert reused.status_code == 404
    without = await buyer.post("/api/payments", {"order_id": str(buyer.order_id)})
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")


async def test_an_expired_page_is_replaced_by_a_new_one(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    session = buyer.payment["checkout_url"].rpartition("/")[2]
    assert (await no_webhooks.web.post(f"{no_webhooks.sandbox.api}/_expire/{session}")).is_success
    again = await buyer.again()
    assert again.status_code == 201
    assert again.json()["checkout_url"] not in (None, buyer.payment["checkout_url"])
    buyer.payment = again.json()
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
    assert await buyer.events() == ["payment.opened", "payment.succeeded"]


async def test_no_new_page_is_opened_in_the_last_half_hour(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    await no_webhooks.sql(
        "update payment set payable_until = now() + interval '29 minutes' where order_id = $1", buyer.order_id
    )
    assert (await buyer.again()).status_code == 201
    session = buyer.payment["checkout_url"].rpartition("/")[2]
    await no_webhooks.web.post(f"{no_webhooks.sandbox.api}/_expire/{session}")
    late = await buyer.again()
    assert (late.status_code, late.json()["code"]) == (409, "order_not_payable")


async def test_a_paid_order_cannot_be_paid_again(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    again = await buyer.again()
    assert (again.status_code, again.json()["code"]) == (409, "order_not_payable")
    reopened = await no_webhooks.internal("GET", str(buyer.order_id))
    assert reopened.json()["status"] == "succeeded"


async def test_a_user_cannot_read_or_change_the_payment_of_another(no_webhooks: PaymentService) -> None:
    buyer, stranger = await no_webhooks.buyer(), await no_webhooks.buyer()
    stranger.payment, stranger.order_id = buyer.payment, buyer.order_id
    path = f"/api/payments/{buyer.payment['id']}"
    nowhere = f"/api/payments/{uuid4()}"
    for foreign, absent in (
        (
            await no_webhooks.http.get(path, headers=stranger.headers),
            await no_webhooks.http.get(nowhere, headers=stranger.headers),
        ),
        (await stranger.confirm(), await stranger.post(f"{nowhere}/confirm")),
        (await stranger.confirm("pm_card_visa"), await stranger.post(f"{nowhere}/confirm")),
        (await stranger.again(), await stranger.post("/api/payments", {"order_id": str(uuid4())}, str(uuid4()))),
    ):
        assert foreign.status_code == absent.status_code == 404
        assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    assert (await no_webhooks.http.get(path)).status_code == 401
    assert (await no_webhooks.http.get(path, headers=no_webhooks.admin)).json()["id"] == buyer.payment["id"]
    assert (await no_webhooks.http.post(f"{path}/confirm", headers=no_webhooks.admin)).status_code == 404
    assert (await no_webhooks.http.get("/api/payments/not-an-id", headers=buyer.headers)).status_code == 404
    assert (
        await no_webhooks.http.put(f"/internal/payments/{uuid4()}", json=opening(), headers=buyer.headers)
    ).status_code == 403


@pytest.mark.parametrize(
    "lines",
    [
        # Three desks with a third off: the quantity does not divide what they cost.
        [("Walnut desk × 3", 1, 4001), ("Shipping", 1, 999)],
        # Prices include tax, so no line shows it.
        [("Walnut desk", 2, 2000), ("Shipping", 1, 1000)],
        # Prices exclude tax.
        [("Walnut desk", 1, 4000), ("Tax", 1, 1000)],
        # A gift, and shipping for nothing.
        [("Walnut desk", 1, 5000), ("Cable", 2, 0), ("Shipping", 1, 0)],
    ],
)
async def test_discounts_and_included_taxes_are_charged_as_in_the_order(
    no_webhooks: PaymentService, lines: list[tuple[str, int, int]]
) -> None:
    buyer = await no_webhooks.buyer(
        5000, lines=[{"name": name, "quantity": quantity, "unit_price": usd(unit)} for name, quantity, unit in lines]
    )
    page = (await no_webhooks.web.get(buyer.payment["checkout_url"])).text
    assert all(name in page for name, _, _ in lines)
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
    assert [charge["amount"] for charge in await buyer.charges()] == [5000]


async def test_a_guest_pays_and_no_user_owns_the_payment(no_webhooks: PaymentService) -> None:
    order_id = uuid4()
    opened = await no_webhooks.open(order_id, opening() | {"user_id": None})
    assert opened.status_code == 200, opened.text
    path = f"/api/payments/{opened.json()['id']}"
    anybody = no_webhooks.users.sign_in("customer", uuid4())
    assert (await no_webhooks.http.get(path, headers=anybody)).status_code == 404
    assert (await no_webhooks.http.get(path, headers=no_webhooks.admin)).status_code == 200
    await no_webhooks.press(opened.json()["checkout_url"])
    assert (await no_webhooks.internal("POST", f"{order_id}/close")).json() == {"outcome": "succeeded"}
    refund = await no_webhooks.internal("POST", f"{order_id}/refunds", {"key": "r"})
    assert refund.json()["status"] == "succeeded"
    assert (await no_webhooks.events(order_id))[-1]["user_id"] is None
