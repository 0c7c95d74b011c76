"""What buyers and admins do to an order after it was placed: cancel, ship, deliver."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from serai.chassis.auth.principal import Principal
from serai.chassis.errors import Invalid, NotFound
from serai.contracts.order.fulfilment import FulfilmentItem, UpdateOrder
from serai.order.checkout import actions
from serai.order.checkout.actions import Placed
from serai.order.checkout.domain import Saga, State
from serai.order.fulfilment.actions import OrderNotReady, update_order
from serai.order.orders.domain import IllegalTransition
from tests.order.checkout.shop import TOTAL, Shop, usd


async def cancel(shop: Shop, saga: Saga, *, caller: Principal | None = None, key: str | None = None) -> Placed:
    deps = shop.deps_of(shop.checkout, patience_s=0.3, refund_patience_s=0.05)
    return await actions.cancel_order(deps, caller or shop.buyer, saga.order_id, shop.idempotent_request(key))


# Cancelling what is unpaid


async def test_a_buyer_cancels_an_order_that_awaits_its_payment(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    cancelled = await cancel(shop, saga)
    assert (cancelled.order.status, cancelled.settled, cancelled.replayed) == ("cancelled", True, False)
    assert not shop.payment.pay(saga.order_id)
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"


async def test_a_buyer_cancels_an_order_that_is_still_being_placed(shop: Shop) -> None:
    saga = await shop.accept()
    stall = shop.payment.faults.stall_after("open")
    driving = asyncio.create_task(shop.checkout.drive(saga))
    await stall.reached.wait()
    cancelled = await cancel(shop, saga)
    stall.resume()
    assert await driving is None
    assert (cancelled.order.status, cancelled.settled) == ("rejected", True)
    assert cancelled.order.failure is not None
    assert cancelled.order.failure.code == "cancelled_by_buyer"
    assert not shop.payment.pay(saga.order_id)
    assert shop.units() == (10, 0, 0)


@pytest.mark.parametrize("state", ["awaiting_payment", "pending"])
async def test_a_cancellation_that_stripe_does_not_decide_is_answered_as_under_way(shop: Shop, state: str) -> None:
    saga = await shop.accept()
    if state == "pending":
        shop.payment.faults.fail_after("open")
    saga = await shop.drive(saga)
    shop.payment.stripe_decides = False
    answer = await cancel(shop, saga)
    assert (answer.order.status, answer.settled) == (state, False)
    assert shop.units() == (8, 2, 0)
    shop.payment.stripe_decides = True
    await shop.rest(saga.order_id)
    assert await shop.status(saga.order_id) == ("cancelled" if state == "awaiting_payment" else "rejected")


@pytest.mark.parametrize("state", ["awaiting_payment", "pending"])
async def test_a_buyer_learns_that_the_order_was_paid_before_it_could_be_cancelled(shop: Shop, state: str) -> None:
    saga = await shop.accept()
    if state == "pending":
        shop.payment.faults.fail_after("open")
    saga = await shop.drive(saga)
    shop.payment.pay(saga.order_id)
    with pytest.raises(IllegalTransition) as refused:
        await cancel(shop, saga)
    assert refused.value.facts == {"current": "paid", "to": "cancelled"}
    assert (await shop.rest(saga.order_id)).state is State.DONE
    assert shop.units() == (8, 0, 2)


async def test_an_admin_cancels_anybodys_order(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    assert (await cancel(shop, saga, caller=shop.admin)).order.status == "cancelled"


async def test_an_order_of_somebody_else_is_not_there(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    stranger = Shop(shop.db, "").buyer
    with pytest.raises(NotFound):
        await cancel(shop, saga, caller=stranger)
    assert await shop.saga(saga.order_id) == saga


async def test_there_is_nothing_to_cancel_where_no_order_is(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await actions.cancel_order(shop.deps, shop.admin, UUID(int=1), shop.idempotent_request())


@pytest.mark.parametrize("state", [State.CANCELLING, State.REJECTING])
async def test_cancelling_what_is_being_cancelled_disturbs_nobody(shop: Shop, state: State) -> None:
    saga = await shop.put(await shop.awaiting_payment(), state)
    answer = await cancel(shop, saga)
    assert (answer.order.status, answer.settled) == ("awaiting_payment", False)
    assert await shop.saga(saga.order_id) == saga


@pytest.mark.parametrize("again", ["the same key", "another key"])
async def test_cancelling_twice_answers_the_same(shop: Shop, again: str) -> None:
    saga = await shop.awaiting_payment()
    first = await cancel(shop, saga, key="the same key")
    second = await cancel(shop, saga, key=again)
    assert second.order == first.order
    assert (first.replayed, second.replayed) == (False, again == "the same key")
    assert shop.payment.faults.calls.count("close") == 1


async def test_a_replayed_cancellation_cancels_nothing_new(shop: Shop) -> None:
    """Refused because it was paid, it must not refund the order when an admin's client repeats it."""
    saga = await shop.awaiting_payment()
    key = "the same key"
    shop.payment.stripe_decides = False
    await cancel(shop, saga, caller=shop.admin, key=key)
    shop.payment.pay(saga.order_id)
    shop.payment.stripe_decides = True
    await shop.rest(saga.order_id)
    again = await cancel(shop, saga, caller=shop.admin, key=key)
    assert (again.order.status, again.replayed) == ("paid", True)
    assert shop.payment.refunds(saga.order_id) == []


async def test_a_cancellation_that_is_refused_leaves_its_key_free(shop: Shop) -> None:
    saga = await shop.done()
    with pytest.raises(IllegalTransition):
        await cancel(shop, saga, key="refused")
    assert await shop.sql("select 1 from idempotency_key where caller = $1 and key = 'refused'", _caller(shop)) == []


async def test_a_request_that_dies_has_its_cancellation_carried_on(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    stall = shop.payment.faults.stall_before("close")
    cancelling = asyncio.create_task(cancel(shop, saga))
    await stall.reached.wait()
    # Until its lease ends, nobody else takes it.
    assert not await shop.can_be_taken(saga.order_id)
    taken_over = await shop.claim(saga.order_id)
    assert (await shop.drive(taken_over)).state is State.CANCELLED
    stall.resume()
    assert (await cancelling).order.status == "cancelled"


# Cancelling what is paid


async def test_a_buyer_cannot_cancel_what_is_paid(shop: Shop) -> None:
    saga = await shop.done()
    with pytest.raises(IllegalTransition) as refused:
        await cancel(shop, saga)
    assert refused.value.facts == {"current": "paid", "to": "cancelled"}
    assert await shop.saga(saga.order_id) == saga


async def test_an_admin_refunds_what_is_paid_and_its_units_go_back(shop: Shop) -> None:
    saga = await shop.done()
    answer = await cancel(shop, saga, caller=shop.admin)
    # Nobody has told us yet how the refund went.
    assert (answer.order.status, answer.settled) == ("refunding", False)
    (refund,) = shop.payment.refunds(saga.order_id)
    assert refund.amount == usd(TOTAL)
    await shop.hear()
    await shop.rest(saga.order_id)
    assert await shop.status(saga.order_id) == "refunded"
    assert shop.units() == (10, 0, 0)


async def test_an_admin_is_answered_as_soon_as_the_refund_is_through(shop: Shop) -> None:
    saga = await shop.done()
    stall = shop.payment.faults.stall_after("refund")
    deps = shop.deps_of(shop.checkout, refund_patience_s=5.0)
    cancelling = asyncio.create_task(actions.cancel_order(deps, shop.admin, saga.order_id, shop.idempotent_request()))
    await stall.reached.wait()
    stall.resume()
    while (await shop.saga(saga.order_id)).state is not State.REFUND_ASKED:
        await asyncio.sleep(0.005)
    done, _ = await asyncio.wait({cancelling}, timeout=0.2)
    assert done == set()
    await shop.hear()
    answer = await asyncio.wait_for(cancelling, 3)
    assert (answer.order.status, answer.settled) == ("refunded", True)


@pytest.mark.parametrize("state", [State.PAID, State.STOCK_COMMITTED])
async def test_an_order_whose_sale_is_under_way_is_sold_first_and_then_refunded(shop: Shop, state: State) -> None:
    saga = await shop.paid()
    if state is State.STOCK_COMMITTED:
        await shop.product.commit(saga.context.hold_id)
        saga = await shop.put(saga, state)
    answer = await cancel(shop, saga, caller=shop.admin)
    assert answer.order.status == "refunding"
    assert len(shop.payment.refunds(saga.order_id)) == 1
    await shop.hear()
    await shop.rest(saga.order_id)
    assert await shop.status(saga.order_id) == "refunded"
    assert shop.units() == (10, 0, 0)
    assert shop.cart.quantities(shop.user_id) == {}


@pytest.mark.parametrize("status", ["shipped", "delivered"])
async def test_nobody_cancels_what_has_shipped(shop: Shop, status: str) -> None:
    saga = await shop.done()
    await update_order(shop.deps, saga.order_id, UpdateOrder("shipped"))
    if status == "delivered":
        await update_order(shop.deps, saga.order_id, UpdateOrder("delivered"))
    for caller in (shop.buyer, shop.admin):
        with pytest.raises(IllegalTransition):
            await cancel(shop, saga, caller=caller)
    assert await shop.status(saga.order_id) == status
    assert shop.payment.refunds(saga.order_id) == []


@pytest.mark.parametrize("ended", ["rejected", "refunded"])
async def test_cancelling_what_has_ended_answers_how(shop: Shop, ended: str) -> None:
    if ended == "rejected":
        saga = await shop.drive(await shop.accept(0))
    else:
        saga = await shop.done()
        await cancel(shop, saga, caller=shop.admin)
        await shop.hear()
    answer = await cancel(shop, saga)
    assert (answer.order.status, answer.settled) == (ended, True)


# What its history says


async def ended(shop: Shop, how: str) -> Saga:
    if how == "rejected":
        return await shop.drive(await shop.accept(0))
    if how == "cancelled":
        saga = await shop.awaiting_payment()
        await cancel(shop, saga)
        return saga
    if how == "refunded":
        saga = await shop.done()
        await cancel(shop, saga, caller=shop.admin)
        await shop.hear()
        return saga
    if how == "given back because nothing was due":
        shop.fill_cart(1, shop.product.add(price=0, stock=1))
        saga = await shop.drive(await shop.accept(0, shipping_method="pickup"))
        await cancel(shop, saga, caller=shop.admin)
        return saga
    saga = await shop.paid()
    shop.product.lose(saga.context.hold_id)
    shop.product.set_available(shop.desk.id, 0)
    return await shop.drive(saga)


@pytest.mark.parametrize(
    "how", ["rejected", "cancelled", "refunded", "given back because nothing was due", "refunded because sold out"]
)
async def test_every_time_in_an_orders_history_has_its_zone(shop: Shop, how: str) -> None:
    history = (await shop.order((await ended(shop, how)).order_id)).history
    assert len(history) > 1
    assert [entry.status for entry in history if entry.at.tzinfo is None] == []


# Shipping and delivering


async def test_shipping_names_the_units_and_where_to_follow_them(shop: Shop) -> None:
    saga = await shop.done()
    order = await update_order(shop.deps, saga.order_id, UpdateOrder("shipped", "CAMEL-7"))
    assert order.status == "shipped"
    (fulfilment,) = order.fulfilments
    [item] = order.items
    assert item.line_id is not None
    assert fulfilment.items == [FulfilmentItem(item.line_id, shop.desk.id, 2)]
    assert fulfilment.tracking_number == "CAMEL-7"
    assert (await shop.events(saga.order_id))[-1] == ("order.shipped", order.number)


async def test_delivering_ends_a_shipment_and_adds_none(shop: Shop) -> None:
    saga = await shop.done()
    await update_order(shop.deps, saga.order_id, UpdateOrder("shipped"))
    order = await update_order(shop.deps, saga.order_id, UpdateOrder("delivered"))
    assert (order.status, len(order.fulfilments)) == ("delivered", 1)
    assert (await shop.told(saga.order_id))[-2:] == ["order.shipped", "order.delivered"]
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid", "shipped", "delivered"]


@pytest.mark.parametrize("state", [State.PAID, State.STOCK_COMMITTED])
async def test_nothing_ships_before_its_units_are_booked(shop: Shop, state: State) -> None:
    saga = await shop.put(await shop.paid(), state)
    with pytest.raises(OrderNotReady):
        await update_order(shop.deps, saga.order_id, UpdateOrder("shipped"))
    order = await shop.order(saga.order_id)
    assert (order.status, order.fulfilments) == ("paid", [])


async def test_nothing_ships_while_it_is_refunded(shop: Shop) -> None:
    saga = await shop.done()
    await cancel(shop, saga, caller=shop.admin)
    with pytest.raises(IllegalTransition) as refused:
        await update_order(shop.deps, saga.order_id, UpdateOrder("shipped"))
    assert refused.value.facts == {"current": "refunding", "to": "shipped"}


async def test_what_has_not_shipped_is_not_delivered(shop: Shop) -> None:
    saga = await shop.done()
    with pytest.raises(IllegalTransition):
        await update_order(shop.deps, saga.order_id, UpdateOrder("delivered"))
    assert await shop.told(saga.order_id) == ["order.placed", "order.paid"]


async def test_a_tracking_number_belongs_to_a_shipment(shop: Shop) -> None:
    saga = await shop.done()
    with pytest.raises(Invalid) as refused:
        await update_order(shop.deps, saga.order_id, UpdateOrder("delivered", "CAMEL-7"))
    assert refused.value.errors[0]["field"] == "tracking_number"


async def test_there_is_nothing_to_ship_where_no_order_is(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await update_order(shop.deps, UUID(int=1), UpdateOrder("shipped"))


def _caller(shop: Shop) -> str:
    return f"user:{shop.user_id}"
