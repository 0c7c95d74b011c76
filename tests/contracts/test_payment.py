"""What a checkout relies on of the payment service."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.commerce.money import Money
from serai.contracts.payment import (
    NotCharged,
    OpenPayment,
    OrderNotPayable,
    PaymentLine,
    RefundEvent,
    RefundExceedsCharge,
    RefundRequest,
)
from tests.contracts.worlds import PaymentWorld, payment_of, usd


async def paid(payment: PaymentWorld, amount: int = 5000) -> UUID:
    """An order that was paid, and of which the service knows."""
    order = uuid4()
    await payment.client.open(order, payment_of(amount))
    assert await payment.pay(order)
    await payment.settle(order)
    return order


async def types(payment: PaymentWorld, order: UUID) -> list[str]:
    return [event["type"] for event in await payment.told(order)]


# Opening


async def test_an_open_payment_has_a_page(payment: PaymentWorld) -> None:
    order, asked = uuid4(), payment_of(4999)
    facts = await payment.client.open(order, asked)
    assert (facts.order_id, facts.status, facts.amount, facts.refunded) == (
        order,
        "requires_payment",
        usd(4999),
        usd(0),
    )
    assert facts.checkout_url is not None
    assert facts.expires_at is not None
    assert abs(facts.expires_at - asked.payable_until) < timedelta(seconds=2)
    # The answer is what the order waits for; no event says it once more.
    assert await types(payment, order) == []
    assert await payment.client.payment(order) == facts


async def test_opening_again_answers_the_same_payment(payment: PaymentWorld) -> None:
    order, asked = uuid4(), payment_of()
    facts = [await payment.client.open(order, asked) for _ in range(3)]
    assert facts[0] == facts[1] == facts[2]


async def test_opening_at_once_makes_one_payment(payment: PaymentWorld) -> None:
    order, asked = uuid4(), payment_of()
    facts = await asyncio.gather(*(payment.client.open(order, asked) for _ in range(4)))
    assert len({one.id for one in facts}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": usd(6000), "lines": [PaymentLine("Walnut desk", 2, usd(3000))]},
        {"email": "grace@example.com"},
        {"number": "S-100043"},
        {"user_id": uuid4()},
    ],
)
async def test_another_request_under_the_same_order_is_refused(payment: PaymentWorld, other: dict[str, object]) -> None:
    order, asked = uuid4(), payment_of()
    await payment.client.open(order, asked)
    with pytest.raises(Conflict) as refused:
        await payment.client.open(order, msgspec.structs.replace(asked, **other))
    assert refused.value.code == "request_differs"


@pytest.mark.parametrize(
    "nonsense",
    [
        payment_of(amount=4000, lines=[PaymentLine("Walnut desk", 1, usd(3999))]),
        payment_of(amount=4000, lines=[PaymentLine("Walnut desk", 1, Money(4000, "EUR"))]),
        payment_of(amount=100_000_000),
        payment_of(amount=0, lines=[PaymentLine("Nothing", 1, usd(0))]),
    ],
)
async def test_a_payment_that_makes_no_sense_is_refused(payment: PaymentWorld, nonsense: OpenPayment) -> None:
    order = uuid4()
    with pytest.raises(Invalid):
        await payment.client.open(order, nonsense)
    with pytest.raises(NotFound):
        await payment.client.payment(order)


async def test_no_payment_is_opened_for_less_than_stripes_half_hour(payment: PaymentWorld) -> None:
    order = uuid4()
    with pytest.raises(OrderNotPayable):
        await payment.client.open(order, payment_of(minutes=29))
    with pytest.raises(NotFound):
        await payment.client.payment(order)


async def test_opening_what_is_paid_answers_that_it_is(payment: PaymentWorld) -> None:
    order, asked = uuid4(), payment_of()
    await payment.client.open(order, asked)
    await payment.pay(order)
    await payment.settle(order)
    facts = await payment.client.open(order, asked)
    assert (facts.status, facts.checkout_url) == ("succeeded", None)


async def test_there_is_no_payment_where_none_was_opened(payment: PaymentWorld) -> None:
    with pytest.raises(NotFound):
        await payment.client.payment(uuid4())


# Paying


async def test_a_success_is_told_once_with_its_amount(payment: PaymentWorld) -> None:
    order = await paid(payment, 4200)
    await payment.settle(order)
    (event,) = await payment.told(order)
    assert (event["type"], event["amount"]) == ("payment.succeeded", {"amount": 4200, "currency": "USD"})
    facts = await payment.client.payment(order)
    assert (facts.status, facts.checkout_url, str(facts.id)) == ("succeeded", None, event["payment_id"])


async def test_paying_twice_is_one_payment(payment: PaymentWorld) -> None:
    order = await paid(payment)
    await payment.pay(order)
    await payment.settle(order)
    assert await types(payment, order) == ["payment.succeeded"]


# Closing


async def test_what_is_closed_can_never_be_paid(payment: PaymentWorld) -> None:
    order, asked = uuid4(), payment_of()
    await payment.client.open(order, asked)
    for _ in range(3):
        assert (await payment.client.close(order)).outcome == "closed"
    assert not await payment.pay(order)
    with pytest.raises(OrderNotPayable):
        await payment.client.open(order, asked)
    facts = await payment.client.payment(order)
    assert (facts.status, facts.checkout_url) == ("closed", None)
    assert await types(payment, order) == ["payment.closed"]


async def test_closing_what_was_never_opened_refuses_a_late_payment(payment: PaymentWorld) -> None:
    order = uuid4()
    for _ in range(2):
        assert (await payment.client.close(order)).outcome == "closed"
    with pytest.raises(OrderNotPayable):
        await payment.client.open(order, payment_of())
    with pytest.raises(NotFound):
        await payment.client.payment(order)
    with pytest.raises(NotCharged):
        await payment.client.refund(order, RefundRequest("r"))
    assert await types(payment, order) == []


@pytest.mark.parametrize("known", [False, True])
async def test_a_payment_wins_against_closing(payment: PaymentWorld, known: bool) -> None:
    order = uuid4()
    await payment.client.open(order, payment_of())
    assert await payment.pay(order)
    if known:
        await payment.settle(order)
    for _ in range(2):
        assert (await payment.client.close(order)).outcome == "succeeded"
    assert await types(payment, order) == ["payment.succeeded"]
    assert (await payment.client.payment(order)).status == "succeeded"


@pytest.mark.parametrize("wins", ["the payment", "the closing"])
async def test_closing_is_undecided_until_stripe_has_decided(payment: PaymentWorld, wins: str) -> None:
    order, asked = uuid4(), payment_of()
    await payment.client.open(order, asked)
    assert (await payment.close_in_doubt(order)).outcome == "unknown"
    # Nothing new is opened meanwhile, and the page may still take the money.
    with pytest.raises(OrderNotPayable):
        await payment.client.open(order, asked)
    assert await types(payment, order) == []
    if wins == "the payment":
        assert await payment.pay(order)
        assert (await payment.client.close(order)).outcome == "succeeded"
        assert await types(payment, order) == ["payment.succeeded"]
    else:
        assert (await payment.client.close(order)).outcome == "closed"
        assert not await payment.pay(order)
        assert await types(payment, order) == ["payment.closed"]


# Refunds


async def test_a_refund_without_an_amount_is_of_all_that_is_left(payment: PaymentWorld) -> None:
    order = await paid(payment, 5000)
    part = await payment.client.refund(order, RefundRequest("part", usd(1200), "scratched", False))
    assert (part.amount, part.reason, part.status) == (usd(1200), "scratched", "succeeded")
    assert (await payment.client.payment(order)).status == "succeeded"
    rest = await payment.client.refund(order, RefundRequest("rest"))
    assert (rest.amount, rest.reason) == (usd(3800), None)
    facts = await payment.client.payment(order)
    assert (facts.status, facts.refunded) == ("refunded", usd(5000))


async def test_a_refund_is_told_when_it_is_asked_for_and_when_it_is_through(payment: PaymentWorld) -> None:
    order = await paid(payment, 5000)
    part = await payment.client.refund(order, RefundRequest("part", usd(1200), restock=False))
    await payment.client.refund(order, RefundRequest("rest"))
    _, *events = await payment.told(order)
    told = [msgspec.convert({k: v for k, v in event.items() if k != "type"}, RefundEvent) for event in events]
    assert [
        (event["type"].removeprefix("payment.refund_"), one.amount.amount, one.refunded.amount, one.full, one.restock)
        for event, one in zip(events, told, strict=True)
    ] == [
        ("created", 1200, 0, False, False),
        ("succeeded", 1200, 1200, False, False),
        ("created", 3800, 1200, True, None),
        ("succeeded", 3800, 5000, True, None),
    ]
    assert told[0].refund_id == part.id
    assert {one.payment_id for one in told} == {part.payment_id}


async def test_a_refund_under_one_key_is_one_refund(payment: PaymentWorld) -> None:
    order = await paid(payment)
    asked = RefundRequest("cancel", reason="changed my mind")
    refunds = [await payment.client.refund(order, asked) for _ in range(3)]
    assert len({one.id for one in refunds}) == 1
    assert (await payment.client.payment(order)).refunded == usd(5000)
    assert len(await payment.told(order)) == 3


@pytest.mark.parametrize(
    "other",
    [RefundRequest("cancel", usd(1)), RefundRequest("cancel", restock=True), RefundRequest("cancel", reason="no")],
)
async def test_another_refund_under_the_same_key_is_refused(payment: PaymentWorld, other: RefundRequest) -> None:
    order = await paid(payment)
    await payment.client.refund(order, RefundRequest("cancel"))
    with pytest.raises(Conflict) as refused:
        await payment.client.refund(order, other)
    assert refused.value.code == "request_differs"


async def test_refunds_never_come_to_more_than_the_charge(payment: PaymentWorld) -> None:
    order = await paid(payment, 5000)
    await payment.client.refund(order, RefundRequest("part", usd(4000)))
    with pytest.raises(RefundExceedsCharge) as refused:
        await payment.client.refund(order, RefundRequest("more", usd(1001)))
    assert refused.value.facts["refundable"] == {"amount": 1000, "currency": "USD"}
    await payment.client.refund(order, RefundRequest("rest", usd(1000)))
    with pytest.raises(RefundExceedsCharge):
        await payment.client.refund(order, RefundRequest("nothing is left"))
    assert (await payment.client.payment(order)).refunded == usd(5000)


async def test_refunds_at_once_never_come_to_more_than_the_charge(payment: PaymentWorld) -> None:
    order = await paid(payment, 5000)
    answers = await asyncio.gather(
        *(payment.client.refund(order, RefundRequest(f"r{n}", usd(2000))) for n in range(4)), return_exceptions=True
    )
    assert sum(isinstance(answer, RefundExceedsCharge) for answer in answers) == 2


@pytest.mark.parametrize("state", ["never opened", "open", "closed"])
async def test_nothing_is_refunded_that_was_not_charged(payment: PaymentWorld, state: str) -> None:
    order = uuid4()
    if state != "never opened":
        await payment.client.open(order, payment_of())
    if state == "closed":
        await payment.client.close(order)
    with pytest.raises(NotCharged):
        await payment.client.refund(order, RefundRequest("r"))


@pytest.mark.parametrize("amount", [usd(0), Money(100, "EUR")])
async def test_a_refund_that_makes_no_sense_is_refused(payment: PaymentWorld, amount: Money) -> None:
    order = await paid(payment)
    with pytest.raises(Invalid):
        await payment.client.refund(order, RefundRequest("r", amount))
