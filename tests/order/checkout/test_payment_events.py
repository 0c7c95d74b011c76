"""What payment tells, applied to an order wherever its checkout stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from serai.chassis.data.feed import Event
from serai.chassis.errors import NotFound
from serai.chassis.ids import new_id
from serai.contracts.order.fulfilment import UpdateOrder
from serai.contracts.payment import PaymentOpened, RefundRequest
from serai.order.checkout.domain import Saga, State
from serai.order.checkout.payment_facts import apply_payment_event
from serai.order.fulfilment.actions import update_order
from tests.order.checkout.shop import TOTAL, Shop, alerts, usd


async def succeeded(shop: Shop, saga: Saga) -> None:
    """Payment tells that the order was paid, and whatever was told before."""
    shop.payment.pay(saga.order_id)
    shop.payment.settle(saga.order_id)
    await shop.hear()


async def refund(shop: Shop, saga: Saga, amount: int | None = None, *, restock: bool | None = None) -> None:
    """An admin gives money back at the payment service."""
    asked = RefundRequest(uuid4().hex, usd(amount) if amount else None, restock=restock)
    await shop.payment.refund(saga.order_id, asked)


# Success


async def test_a_paid_order_is_told_of_once_and_its_sale_is_due(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    await succeeded(shop, saga)
    order = await shop.order(saga.order_id)
    assert order.status == "paid"
    assert order.payment is not None
    assert (order.payment.status, order.payment.checkout_url) == ("succeeded", None)
    assert await shop.events(saga.order_id) == [("order.placed", order.number), ("order.paid", order.number)]
    (row,) = await shop.sql(
        "select state, next_run_at <= now() as due, lease_until < now() as free from checkout.saga where order_id = $1",
        saga.order_id,
    )
    assert tuple(row) == ("paid", True, True)
    (paid,) = await shop.sql("select paid_at is not null as paid from orders.orders where id = $1", saga.order_id)
    assert paid["paid"]


@pytest.mark.parametrize(
    "state",
    [State.PAYMENT_OPENING, State.AWAITING_PAYMENT, State.CANCELLING, State.REJECTING],
)
async def test_payment_wins_wherever_the_checkout_has_not_ended(shop: Shop, state: State) -> None:
    saga = await shop.accept()
    if state in (State.PAYMENT_OPENING, State.REJECTING):
        shop.payment.faults.fail_after("open")
    saga = await shop.put(await shop.drive(saga), state)
    await succeeded(shop, saga)
    # Whoever was busy with it is fenced off, and undoes nothing.
    assert await shop.checkout.drive(saga) is None
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid"]
    assert (await shop.rest(saga.order_id)).state is State.DONE
    assert shop.units() == (8, 0, 2)


@pytest.mark.parametrize(
    "state", [State.PAID, State.STOCK_COMMITTED, State.DONE, State.REFUNDING, State.REFUND_ASKED, State.RESTOCKING]
)
async def test_a_success_that_is_known_already_changes_nothing(shop: Shop, state: State) -> None:
    saga = await shop.put(await shop.done(), state)
    told = await shop.told(saga.order_id)
    await _apply(shop, "payment.succeeded", saga, {})
    assert await shop.saga(saga.order_id) == saga
    assert await shop.told(saga.order_id) == told


@pytest.mark.parametrize("end", ["cancelled", "rejected"])
async def test_money_that_comes_after_the_end_goes_back_and_the_order_stays_ended(
    shop: Shop, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await shop.awaiting_payment()
    if end == "cancelled":
        ended = await shop.drive(await shop.put(saga, State.CANCELLING))
    else:
        ended = await shop.drive(await shop.put(saga, State.REJECTING, failure={"code": "checkout_failed"}))
    assert ended.state.value == end
    assert ((await shop.order(saga.order_id)).payment is None) == (end == "rejected")
    shop.payment.reopen(saga.order_id)
    await succeeded(shop, saga)
    assert "paid_after_end" in alerts(caplog)
    assert (await shop.saga(saga.order_id)).state is State.REFUNDING
    await shop.rest(saga.order_id)
    await shop.hear()
    await shop.rest(saga.order_id)
    (back,) = shop.payment.refunds(saga.order_id)
    assert (back.amount, back.status, back.reason) == (
        usd(TOTAL),
        "succeeded",
        "the order had ended before it was paid",
    )
    assert await shop.status(saga.order_id) == end
    assert "order.refunded" not in await shop.told(saga.order_id)
    assert shop.units() == (10, 0, 0)


async def test_a_success_of_an_order_that_is_not_there_is_not_passed_over(shop: Shop) -> None:
    """The feed's reader keeps what cannot be applied, and tries it again."""
    for type_, data in (("payment.succeeded", {}), ("payment.refund_succeeded", _refund_event())):
        event = _event(type_, str(new_id()), data)
        with pytest.raises(NotFound):
            async with shop.db.transaction() as tx:
                await apply_payment_event(shop.deps, tx, event)


@pytest.mark.parametrize("type_", ["payment.closed", "payment.something_new"])
async def test_what_an_order_need_not_know_changes_nothing(shop: Shop, type_: str) -> None:
    saga = await shop.awaiting_payment()
    before = await shop.order(saga.order_id)
    await _apply(shop, type_, saga, {"payment_id": str(new_id())})
    assert await shop.order(saga.order_id) == before
    assert await shop.saga(saga.order_id) == saga


# Another page


async def test_a_later_page_takes_the_place_of_the_first(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    page = _page()
    await _apply(shop, "payment.opened", saga, page)
    payment = (await shop.order(saga.order_id)).payment
    assert payment is not None
    assert (payment.id, payment.status, payment.checkout_url, payment.expires_at) == (
        page.payment_id,
        "requires_payment",
        page.checkout_url,
        page.expires_at,
    )


async def test_a_page_that_was_told_of_late_is_not_shown_for_an_order_that_is_paid(shop: Shop) -> None:
    saga = await shop.paid()
    before = await shop.order(saga.order_id)
    await _apply(shop, "payment.opened", saga, _page())
    assert await shop.order(saga.order_id) == before


async def test_a_page_of_an_order_that_is_not_there_is_nobodys(shop: Shop) -> None:
    saga = await shop.accept(0)
    await _apply(shop, "payment.opened", Saga(new_id(), saga.state, 1, 1, 0, saga.since, saga.context), _page())


# Refunds


async def test_a_partial_refund_is_counted_and_leaves_the_order_where_it_is(shop: Shop) -> None:
    saga = await shop.done()
    await refund(shop, saga, 100)
    await shop.hear()
    order = await shop.order(saga.order_id)
    assert (order.status, order.refunded) == ("paid", usd(100))
    assert order.payment is not None
    assert order.payment.status == "succeeded"
    assert await shop.told(saga.order_id) == ["order.placed", "order.paid"]
    assert await shop.saga(saga.order_id) == saga
    assert shop.units() == (8, 0, 2)


async def test_partial_refunds_that_come_to_the_whole_refund_the_order(shop: Shop) -> None:
    saga = await shop.done()
    for amount in (100, TOTAL - 100):
        await refund(shop, saga, amount)
    await shop.hear()
    await shop.rest(saga.order_id)
    order = await shop.order(saga.order_id)
    assert (order.status, order.refunded) == ("refunded", usd(TOTAL))
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid", "refunding", "refunded"]
    assert await shop.told(saga.order_id) == ["order.placed", "order.paid", "order.refunded"]
    rows = await shop.sql("select amount from orders.refund where order_id = $1 order by amount", saga.order_id)
    assert [row["amount"] for row in rows] == [100, TOTAL - 100]


async def test_a_full_refund_that_is_under_way_shows_and_one_that_is_through_ends_the_order(shop: Shop) -> None:
    saga = await shop.done()
    shop.payment.refunds_at_once = False
    await refund(shop, saga)
    await shop.hear()
    order = await shop.order(saga.order_id)
    assert (order.status, order.refunded) == ("refunding", usd(0))
    assert "order.refunded" not in await shop.told(saga.order_id)
    assert shop.units() == (8, 0, 2)
    (pending,) = shop.payment.refunds(saga.order_id)
    shop.payment.decide_refund(pending.id)
    await shop.hear()
    await shop.rest(saga.order_id)
    order = await shop.order(saga.order_id)
    assert (order.status, order.refunded) == ("refunded", usd(TOTAL))
    assert order.payment is not None
    assert order.payment.status == "refunded"
    assert await shop.events(saga.order_id) == [
        ("order.placed", order.number),
        ("order.paid", order.number),
        ("order.refunded", order.number),
    ]


async def test_a_partial_refund_under_way_shows_nowhere(shop: Shop) -> None:
    saga = await shop.done()
    shop.payment.refunds_at_once = False
    await refund(shop, saga, 100)
    await shop.hear()
    assert await shop.status(saga.order_id) == "paid"


async def test_a_refund_that_fails_leaves_the_order_and_calls_for_a_person(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await shop.done()
    shop.payment.refunds_at_once = False
    await refund(shop, saga)
    (pending,) = shop.payment.refunds(saga.order_id)
    shop.payment.decide_refund(pending.id, succeeded=False)
    await shop.hear()
    order = await shop.order(saga.order_id)
    assert (order.status, order.refunded) == ("refunding", usd(0))
    assert alerts(caplog) == ["refund_failed"]
    assert await shop.saga(saga.order_id) == saga


async def test_a_refund_is_full_when_all_was_given_back_even_if_another_failed(shop: Shop) -> None:
    """`full` of an event counts what is under way; only what went through makes an order refunded."""
    saga = await shop.done()
    shop.payment.refunds_at_once = False
    await refund(shop, saga, 100)
    await refund(shop, saga)
    part, rest = shop.payment.refunds(saga.order_id)
    shop.payment.decide_refund(part.id)
    await shop.hear()
    assert await shop.status(saga.order_id) == "refunding"
    shop.payment.decide_refund(rest.id)
    await shop.hear()
    assert await shop.status(saga.order_id) == "refunded"


@pytest.mark.parametrize("shipped", [False, True])
@pytest.mark.parametrize("asked", [None, True, False])
async def test_units_go_back_to_stock_unless_they_have_shipped_or_the_admin_says_otherwise(
    shop: Shop, shipped: bool, asked: bool | None
) -> None:
    saga = await shop.done()
    if shipped:
        await update_order(shop.deps, saga.order_id, UpdateOrder("shipped"))
    await refund(shop, saga, restock=asked)
    await shop.hear()
    rested = await shop.rest(saga.order_id)
    assert (rested.state, rested.context.restock) == (State.DONE, False)
    back = asked if asked is not None else not shipped
    assert shop.units() == ((10, 0, 0) if back else (8, 0, 2))
    assert await shop.status(saga.order_id) == "refunded"


@pytest.mark.parametrize("state", [State.PAID, State.STOCK_COMMITTED])
async def test_units_of_an_order_refunded_during_its_sale_are_sold_first_and_then_go_back(
    shop: Shop, state: State
) -> None:
    saga = await shop.paid()
    if state is State.STOCK_COMMITTED:
        await shop.product.commit(saga.context.hold_id)
        saga = await shop.put(saga, state)
    await refund(shop, saga)
    await shop.hear()
    now = await shop.saga(saga.order_id)
    assert (now.state, now.context.restock) == (state, True)
    rested = await shop.rest(saga.order_id)
    assert rested.state is State.DONE
    assert shop.units() == (10, 0, 0)
    assert shop.cart.quantities(shop.user_id) == {}
    assert await shop.status(saga.order_id) == "refunded"


async def test_a_refund_that_is_told_before_its_own_answer_came_ends_the_checkout(shop: Shop) -> None:
    saga = await shop.put(await shop.done(), State.REFUNDING)
    shop.payment.faults.fail_after("refund")
    assert (await shop.drive(saga)).state is State.REFUNDING
    await shop.hear()
    assert (await shop.saga(saga.order_id)).state is State.RESTOCKING
    assert (await shop.rest(saga.order_id)).state is State.DONE
    assert shop.units() == (10, 0, 0)


async def test_what_was_refunded_during_its_sale_is_not_refunded_once_more(shop: Shop) -> None:
    """An admin has cancelled it, and another has given the money back at the payment service."""
    saga = await shop.put(await shop.paid(), State.PAID, refund=True)
    await refund(shop, saga)
    await shop.hear()
    assert (await shop.rest(saga.order_id)).state is State.DONE
    assert shop.payment.faults.calls.count("refund") == 1
    assert shop.units() == (10, 0, 0)


async def test_a_refund_told_twice_is_not_counted_twice(shop: Shop) -> None:
    saga = await shop.done()
    await refund(shop, saga)
    await shop.hear()
    again = shop.payment.events[-1]
    with pytest.raises(Exception, match="order_refund"):
        async with shop.db.transaction() as tx:
            await apply_payment_event(shop.deps, tx, again)
    assert (await shop.order(saga.order_id)).refunded == usd(TOTAL)


async def _apply(shop: Shop, type_: str, saga: Saga, data: object) -> None:
    async with shop.db.transaction() as tx:
        await apply_payment_event(shop.deps, tx, _event(type_, str(saga.order_id), data))


def _event(type_: str, subject: str, data: object) -> Event:
    return Event(
        id=new_id(),
        source="/payment",
        type=type_,
        subject=subject,
        time=datetime.now(UTC),
        position=1,
        data=msgspec.to_builtins(data),
    )


def _page() -> PaymentOpened:
    return PaymentOpened(new_id(), 2, "https://stripe.test/second", datetime.now(UTC) + timedelta(minutes=30))


def _refund_event() -> object:
    money = {"amount": 1, "currency": "USD"}
    ids = {name: str(new_id()) for name in ("payment_id", "refund_id", "user_id")}
    return {**ids, "amount": money, "refunded": money, "full": False, "restock": None}
