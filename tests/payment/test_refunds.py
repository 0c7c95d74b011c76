"""Each stored refund is made once and never exceeds the charge, whatever races and whatever Stripe does."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from serai.payment import sweeps
from tests.jobs import run_due_jobs
from tests.payment.service import Buyer, Json, PaymentService, account, eventually, usd

FAILS_LATER, PENDS = "4000000000005126", "4000000000007726"


async def refunded(buyer: Buyer) -> list[int]:
    return [line["amount"] for line in await buyer.ledger() if line["type"] == "refund"]


async def listed(service: PaymentService, buyer: Buyer) -> list[tuple[int, str]]:
    answer = await service.http.get(f"/api/payments/{buyer.payment['id']}/refund", headers=service.admin)
    return [(item["amount"]["amount"], item["status"]) for item in answer.json()["items"]]


async def settle_refunds(service: PaymentService) -> None:
    await service.sql("update refund set check_at = now() where state in ('created', 'pending')")
    await run_due_jobs(sweeps.refund_sweep(service.deps))


async def test_an_admin_gives_back_a_part_and_then_the_rest(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    part = await no_webhooks.refund(buyer.payment["id"], {"amount": usd(1200), "reason": "scratched", "restock": False})
    assert part.status_code == 201
    assert (part.json()["status"], part.json()["amount"], part.json()["reason"]) == (
        "succeeded",
        usd(1200),
        "scratched",
    )
    assert await buyer.status() == "succeeded"
    rest = await no_webhooks.refund(buyer.payment["id"], {})
    assert rest.json()["amount"] == usd(3800)
    assert await buyer.status() == "refunded"
    more = await no_webhooks.refund(buyer.payment["id"], {})
    assert (more.status_code, more.json()["code"], more.json()["refundable"]) == (409, "refund_exceeds_charge", usd(0))
    assert await refunded(buyer) == [1200, 3800]
    assert await listed(no_webhooks, buyer) == [(1200, "succeeded"), (3800, "succeeded")]
    published = [
        event for event in await no_webhooks.events(buyer.order_id) if event["type"] == "payment.refund_succeeded"
    ]
    assert [(event["refunded"]["amount"], event["full"], event["restock"]) for event in published] == [
        (1200, False, False),
        (5000, True, None),
    ]


async def accounts(service: PaymentService, buyer: Buyer) -> list[tuple[str, Json]]:
    """The account that each event of the order carries."""
    return [(event["type"], event["account"]) for event in await service.events(buyer.order_id)]


async def test_each_event_has_the_totals_of_the_charge_after_it(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.refund(buyer.payment["id"], {"amount": usd(1200)})
    await no_webhooks.refund(buyer.payment["id"], {})
    assert await accounts(no_webhooks, buyer) == [
        ("payment.succeeded", account(5000)),
        ("payment.refund_created", account(5000, refund_pending=1200)),
        ("payment.refund_succeeded", account(5000, refunded=1200)),
        ("payment.refund_created", account(5000, refunded=1200, refund_pending=3800)),
        ("payment.refund_succeeded", account(5000, refunded=5000)),
    ]


async def test_what_is_disputed_cannot_be_refunded(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.sql("update attempt set disputed = 2000 where payment_id = $1", UUID(buyer.payment["id"]))
    refused = await no_webhooks.refund(buyer.payment["id"], {"amount": usd(3001)})
    assert (refused.status_code, refused.json()["refundable"]) == (409, usd(3000))
    assert (await no_webhooks.refund(buyer.payment["id"], {})).json()["amount"] == usd(3000)
    assert (await accounts(no_webhooks, buyer))[-1][1] == account(5000, refunded=3000, disputed=2000)


async def test_refunds_in_parallel_never_give_back_more_than_was_paid(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    answers = await asyncio.gather(*(no_webhooks.refund(buyer.payment["id"], {"amount": usd(900)}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert await refunded(buyer) == [900] * 5


async def test_the_same_key_is_the_same_refund(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    key = str(uuid4())
    answers = [await no_webhooks.refund(buyer.payment["id"], {"amount": usd(700)}, key) for _ in range(3)]
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert answers[2].headers["idempotent-replayed"] == "true"
    reused = await no_webhooks.refund(buyer.payment["id"], {"amount": usd(800)}, key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await refunded(buyer) == [700]


async def test_order_gives_back_what_is_left_once_however_often_it_asks(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.refund(buyer.payment["id"], {"amount": usd(1000)})
    path, body = f"{buyer.order_id}/refunds", {"key": "cancel", "restock": True}
    answers = await asyncio.gather(*(no_webhooks.internal("POST", path, body) for _ in range(4)))
    assert {(answer.status_code, answer.json()["amount"]["amount"]) for answer in answers} == {(200, 4000)}
    differs = await no_webhooks.internal("POST", path, {"key": "cancel", "restock": False})
    assert (differs.status_code, differs.json()["code"]) == (409, "request_differs")
    assert await refunded(buyer) == [1000, 4000]


async def test_nothing_is_given_back_that_was_not_taken(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    answer = await no_webhooks.refund(buyer.payment["id"], {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_charged")
    assert (await no_webhooks.refund(str(uuid4()), {})).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": usd(0)}, "amount.amount"),
        ({"amount": {"amount": 100, "currency": "EUR"}}, "amount.currency"),
        ({"amount": {"amount": -1, "currency": "USD"}}, "amount.amount"),
        ({"reason": "x" * 501}, "reason"),
        ({"status": "succeeded"}, "status"),
    ],
)
async def test_refuses_a_refund_that_makes_no_sense(
    no_webhooks: PaymentService, body: dict[str, object], field: str
) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    answer = await no_webhooks.refund(buyer.payment["id"], body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_only_admins_give_money_back_and_only_under_a_key(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(paid=True)
    path = f"/api/payments/{buyer.payment['id']}/refund"
    assert (await buyer.post(path, {}, str(uuid4()))).status_code == 403
    assert (await no_webhooks.http.get(path, headers=buyer.headers)).status_code == 403
    assert (await no_webhooks.http.post(path, json={}, headers={"idempotency-key": "k"})).status_code == 401
    without = await no_webhooks.http.post(path, json={}, headers=no_webhooks.admin)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    assert not await refunded(buyer)


@pytest.mark.parametrize("fault", ["execute_then_500", "execute_then_timeout", "fail_500_before", "409", "429"])
async def test_a_refund_whose_answer_is_lost_is_made_once(no_webhooks: PaymentService, fault: str) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.fault("refunds.create", fault, **({"delay_ms": 50} if fault == "execute_then_timeout" else {}))
    assert (await no_webhooks.refund(buyer.payment["id"], {"amount": usd(2000)})).status_code == 201
    await settle_refunds(no_webhooks)
    assert await listed(no_webhooks, buyer) == [(2000, "succeeded")]
    assert await refunded(buyer) == [2000]


async def test_a_refund_whose_key_stripe_has_forgotten_is_found_by_what_we_wrote_on_it(
    no_webhooks: PaymentService,
) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    await no_webhooks.refund(buyer.payment["id"], {"amount": usd(2000)})
    await no_webhooks.sql(
        "update refund set state = 'created', stripe_id = null where payment_id = $1", UUID(buyer.payment["id"])
    )
    await no_webhooks.sql(
        "update attempt set refund_pending = refunded, refunded = 0 where payment_id = $1", UUID(buyer.payment["id"])
    )
    await no_webhooks.web.delete(f"{no_webhooks.sandbox.api}/_idempotency", params={"older_than_s": 0})
    await settle_refunds(no_webhooks)
    assert await listed(no_webhooks, buyer) == [(2000, "succeeded")]
    assert await refunded(buyer) == [2000]


async def test_a_refund_that_is_pending_is_settled_by_its_webhook(service: PaymentService) -> None:
    buyer = await service.buyer(5000, paid=True, number=PENDS)
    answer = await service.refund(buyer.payment["id"], {})
    assert answer.json()["status"] == "pending"
    assert await buyer.status() == "succeeded"
    await buyer.becomes("refunded")


async def test_a_refund_that_fails_later_opens_the_charge_again(service: PaymentService) -> None:
    buyer = await service.buyer(5000, paid=True, number=FAILS_LATER)
    assert (await service.refund(buyer.payment["id"], {})).json()["status"] == "succeeded"

    async def failed() -> bool:
        return await listed(service, buyer) == [(5000, "failed")]

    await eventually(failed)
    assert await buyer.status() == "succeeded"
    assert (await buyer.events())[-3:] == [
        "payment.refund_created",
        "payment.refund_succeeded",
        "payment.refund_failed",
    ]
    assert [totals for _, totals in (await accounts(service, buyer))[-3:]] == [
        account(5000, refund_pending=5000),
        account(5000, refunded=5000),
        account(5000, refund_failed=5000),
    ]
    assert (await service.refund(buyer.payment["id"], {})).status_code == 201


async def test_a_buyer_who_was_charged_twice_gets_one_charge_back(service: PaymentService) -> None:
    buyer = await service.buyer(5000)
    first = buyer.payment["checkout_url"]
    # As if we had wrongly taken the first page for dead.
    await service.sql("update attempt set state = 'ended' where payment_id = $1", UUID(buyer.payment["id"]))
    buyer.payment = (await buyer.again()).json()
    await buyer.pay()
    await buyer.confirm()
    await service.press(first)

    async def noticed() -> bool:
        return bool(await service.sql("select 1 from refund where payment_id = $1", UUID(buyer.payment["id"])))

    await eventually(noticed)
    rows = "select n, captured, refund_pending, refunded from attempt where payment_id = $1 order by n"
    noticed_at = [tuple(row) for row in await service.sql(rows, UUID(buyer.payment["id"]))]
    assert noticed_at == [(1, 5000, 5000, 0), (2, 5000, 0, 0)]
    await settle_refunds(service)
    assert [tuple(row) for row in await service.sql(rows, UUID(buyer.payment["id"]))] == [
        (1, 5000, 0, 5000),
        (2, 5000, 0, 0),
    ]
    assert [(line["type"], line["amount"]) for line in await buyer.ledger()] == [
        ("charge", 5000),
        ("charge", 5000),
        ("refund", 5000),
    ]
    assert await buyer.status() == "succeeded"
    assert (await buyer.events()).count("payment.succeeded") == 1
    assert (await service.refund(buyer.payment["id"], {})).json()["amount"] == usd(5000)


async def test_the_list_of_refunds_has_pages(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    for amount in (100, 200, 300):
        await no_webhooks.refund(buyer.payment["id"], {"amount": usd(amount)})
    path = f"/api/payments/{buyer.payment['id']}/refund"
    first = (await no_webhooks.http.get(path, params={"limit": 2}, headers=no_webhooks.admin)).json()
    rest = await no_webhooks.http.get(path, params={"cursor": first["next_cursor"]}, headers=no_webhooks.admin)
    assert [item["amount"]["amount"] for item in first["items"] + rest.json()["items"]] == [100, 200, 300]
    assert rest.json()["next_cursor"] is None
