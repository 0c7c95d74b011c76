"""A newer version of a caller, or of this service, may have written fields that this version does not know."""

from __future__ import annotations

from uuid import UUID, uuid4

from tests.payment.service import PaymentService, opening, usd


async def test_another_service_may_send_unknown_fields(no_webhooks: PaymentService) -> None:
    order_id, older = uuid4(), opening(5000)
    newer = older | {"statement": "SERAI", "lines": [line | {"image": "desk.webp"} for line in older["lines"]]}
    first = await no_webhooks.open(order_id, newer)
    assert first.status_code == 200, first.text
    # Its older and its newer replicas repeat the request in turns.
    for repeated in (older, newer):
        again = await no_webhooks.open(order_id, repeated)
        assert (again.status_code, again.json()) == (200, first.json())
    differs = await no_webhooks.open(order_id, newer | {"number": "S-2"})
    assert (differs.status_code, differs.json()["code"]) == (409, "request_differs")


async def test_a_stored_opening_request_may_have_unknown_fields(no_webhooks: PaymentService) -> None:
    order_id, body = uuid4(), opening(5000)
    opened = (await no_webhooks.open(order_id, body)).json()
    await no_webhooks.sql(
        """update payment set request = jsonb_set(request || '{"statement": "SERAI"}', '{lines,0,image}', '"desk.webp"')
           where order_id = $1""",
        order_id,
    )
    assert (await no_webhooks.open(order_id, body)).json() == opened
    # A second attempt is made from the stored request.
    session = opened["checkout_url"].rpartition("/")[2]
    await no_webhooks.web.post(f"{no_webhooks.sandbox.api}/_expire/{session}")
    await no_webhooks.sql("update attempt set state = 'ended' where payment_id = $1", UUID(opened["id"]))
    again = await no_webhooks.open(order_id, body)
    assert again.status_code == 200, again.text
    assert again.json()["checkout_url"] not in (None, opened["checkout_url"])


async def test_a_refund_request_may_have_unknown_fields_and_so_may_the_stored_one(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer(5000, paid=True)
    path, older = f"{buyer.order_id}/refunds", {"key": "part", "amount": usd(700)}
    first = await no_webhooks.internal("POST", path, older | {"note": "scratched"})
    assert first.status_code == 200, first.text
    await no_webhooks.sql("""update refund set request = request || '{"note": "scratched"}'""")
    again = await no_webhooks.internal("POST", path, older)
    assert again.json()["id"] == first.json()["id"]


async def test_a_public_request_with_an_unknown_field_is_refused(no_webhooks: PaymentService) -> None:
    buyer = await no_webhooks.buyer()
    path = f"/api/payments/{buyer.payment['id']}"
    answers = [
        await buyer.post("/api/payments", {"order_id": str(buyer.order_id), "colour": "red"}, str(uuid4())),
        await buyer.post(f"{path}/confirm", {"colour": "red"}),
        await no_webhooks.refund(buyer.payment["id"], {"colour": "red"}),
    ]
    for answer in answers:
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["colour"])
