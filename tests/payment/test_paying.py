"""An order is opened, paid on Stripe's page, and order learns of it exactly once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.payment.till import Till, asked, usd
from tests.sandbox.process import DECLINED


async def test_a_buyer_pays_on_the_page_and_the_webhook_brings_it_home(till: Till) -> None:
    buyer = await till.buyer(5001)
    assert buyer.payment["status"] == "requires_payment"
    back = await buyer.pay()
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"http://localhost:8080/orders/{buyer.order_id}?session_id=cs_")
    await buyer.becomes("succeeded")
    assert await buyer.events() == ["payment.succeeded"]
    assert [charge["amount"] for charge in await buyer.charges()] == [5001]


async def test_the_buyers_return_settles_when_no_webhook_came(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer(5000)
    assert (await buyer.confirm()).json()["status"] == "requires_payment"
    await buyer.pay()
    paid = (await buyer.confirm()).json()
    assert (paid["status"], paid["amount"], paid["checkout_url"]) == ("succeeded", usd(5000), None)
    assert (await buyer.confirm()).json() == paid
    assert (await deaf_till.events(buyer.order_id))[-1] == {
        "type": "payment.succeeded",
        "payment_id": paid["id"],
        "amount": usd(5000),
    }


async def test_a_declined_card_leaves_the_page_open_for_another(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer()
    assert (await buyer.pay(DECLINED)).status_code == 402
    assert (await buyer.confirm()).json()["status"] == "requires_payment"
    assert (await buyer.pay()).status_code == 303
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_who_walks_away_comes_back_to_the_order_and_can_still_pay(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer()
    back = await buyer.pay(action="cancel")
    assert back.headers["location"] == f"http://localhost:8080/orders/{buyer.order_id}"
    again = await buyer.again()
    assert again.json()["checkout_url"] == buyer.payment["checkout_url"]


async def test_opening_twice_is_opening_once(deaf_till: Till) -> None:
    order_id, body = uuid4(), asked()
    first, second = await deaf_till.open(order_id, body), await deaf_till.open(order_id, body)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert len(await deaf_till.sql("select 1 from attempt where payment_id = $1", first.json()["id"])) == 1


async def test_another_request_under_the_same_order_is_refused(deaf_till: Till) -> None:
    order_id, body = uuid4(), asked(5000)
    await deaf_till.open(order_id, body)
    other = await deaf_till.open(order_id, {**body, "email": "eve@example.com"})
    assert (other.status_code, other.json()["code"]) == (409, "request_differs")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": usd(4999)}, "lines"),
        ({"amount": {"amount": 5000, "currency": "EUR"}}, "amount.currency"),
        ({"amount": usd(100_000_000)}, "amount.amount"),
        ({"amount": usd(0)}, "amount.amount"),
        ({"lines": []}, "lines"),
        ({"payable_until": "2030-01-01T00:00:00"}, "payable_until"),
    ],
)
async def test_what_stripe_would_refuse_is_refused_before_anything_is_kept(
    deaf_till: Till, change: dict[str, object], field: str
) -> None:
    order_id = uuid4()
    answer = await deaf_till.open(order_id, asked(5000) | change)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not await deaf_till.sql("select 1 from payment where order_id = $1", order_id)


async def test_an_amount_no_card_takes_is_refused_for_good(deaf_till: Till) -> None:
    answer = await deaf_till.open(uuid4(), asked(2))
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
        409,
        "payment_refused",
        "amount_too_small",
    )


async def test_more_lines_than_stripe_shows_and_very_long_names_can_be_paid(deaf_till: Till) -> None:
    lines = [{"name": f"{'long ' * 60}{n}", "quantity": 1, "unit_price": usd(100)} for n in range(120)]
    buyer = await deaf_till.buyer(12_000, lines=lines)
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"


async def test_an_address_stripe_would_not_take_does_not_stop_a_sale(deaf_till: Till) -> None:
    assert (await deaf_till.buyer(email="ada@localhost")).payment["checkout_url"]


async def test_an_order_that_cannot_be_paid_long_enough_is_not_opened(deaf_till: Till) -> None:
    answer = await deaf_till.open(uuid4(), asked(minutes=29))
    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_payable")


async def test_the_live_page_is_given_again_and_a_repeated_key_says_so(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer()
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


async def test_a_page_that_is_over_is_followed_by_a_new_one(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer()
    session = buyer.payment["checkout_url"].rpartition("/")[2]
    assert (await deaf_till.web.post(f"{deaf_till.sandbox.api}/_expire/{session}")).is_success
    again = await buyer.again()
    assert again.status_code == 201
    assert again.json()["checkout_url"] not in (None, buyer.payment["checkout_url"])
    buyer.payment = again.json()
    await buyer.pay()
    assert (await buyer.confirm()).json()["status"] == "succeeded"
    assert await buyer.events() == ["payment.opened", "payment.succeeded"]


async def test_no_new_page_is_opened_in_the_last_half_hour(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer()
    await deaf_till.sql(
        "update payment set payable_until = now() + interval '29 minutes' where order_id = $1", buyer.order_id
    )
    assert (await buyer.again()).status_code == 201
    session = buyer.payment["checkout_url"].rpartition("/")[2]
    await deaf_till.web.post(f"{deaf_till.sandbox.api}/_expire/{session}")
    late = await buyer.again()
    assert (late.status_code, late.json()["code"]) == (409, "order_not_payable")


async def test_a_paid_order_cannot_be_paid_again(deaf_till: Till) -> None:
    buyer = await deaf_till.buyer(paid=True)
    again = await buyer.again()
    assert (again.status_code, again.json()["code"]) == (409, "order_not_payable")
    reopened = await deaf_till.internal("GET", str(buyer.order_id))
    assert reopened.json()["status"] == "succeeded"


async def test_nobody_sees_or_touches_anothers_payment(deaf_till: Till) -> None:
    buyer, stranger = await deaf_till.buyer(), await deaf_till.buyer()
    stranger.payment, stranger.order_id = buyer.payment, buyer.order_id
    path = f"/api/payments/{buyer.payment['id']}"
    nowhere = f"/api/payments/{uuid4()}"
    for foreign, absent in (
        (
            await deaf_till.http.get(path, headers=stranger.headers),
            await deaf_till.http.get(nowhere, headers=stranger.headers),
        ),
        (await stranger.confirm(), await stranger.post(f"{nowhere}/confirm")),
        (await stranger.confirm("pm_card_visa"), await stranger.post(f"{nowhere}/confirm")),
        (await stranger.again(), await stranger.post("/api/payments", {"order_id": str(uuid4())}, str(uuid4()))),
    ):
        assert foreign.status_code == absent.status_code == 404
        assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    assert (await deaf_till.http.get(path)).status_code == 401
    assert (await deaf_till.http.get(path, headers=deaf_till.admin)).json()["id"] == buyer.payment["id"]
    assert (await deaf_till.http.post(f"{path}/confirm", headers=deaf_till.admin)).status_code == 404
    assert (await deaf_till.http.get("/api/payments/not-an-id", headers=buyer.headers)).status_code == 404
    assert (
        await deaf_till.http.put(f"/internal/payments/{uuid4()}", json=asked(), headers=buyer.headers)
    ).status_code == 403
