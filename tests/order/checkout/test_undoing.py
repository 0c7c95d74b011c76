"""Each step that undoes a checkout: what it asks of others, what it saves, how it takes a refusal."""

from __future__ import annotations

import logging

import pytest

from serai.contracts.payment import RefundRequest
from serai.contracts.product.inventory import HoldLine
from serai.order.checkout.domain import State
from tests.order.checkout.shop import TOTAL, Shop, alerts, usd


async def test_a_cancelled_order_closes_its_payment_and_lets_stock_and_cart_go(shop: Shop) -> None:
    saga = await shop.cancelling()
    cancelled = await shop.drive(saga)
    order = await shop.order(saga.order_id)
    assert (cancelled.state, order.status) == (State.CANCELLED, "cancelled")
    assert order.payment is not None
    assert (order.payment.status, order.payment.checkout_url) == ("closed", None)
    assert not shop.payment.pay(saga.order_id)
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 2}
    assert await shop.events(saga.order_id) == [("order.placed", order.number), ("order.cancelled", order.number)]
    # It was told of with a 2xx; its key stays bound.
    assert not await shop.key_is_free(saga)


@pytest.mark.parametrize("state", [State.CANCELLING, State.REJECTING])
async def test_an_order_that_stripe_has_not_decided_about_is_not_undone(shop: Shop, state: State) -> None:
    saga = await shop.put(await shop.awaiting_payment(), state)
    shop.payment.stripe_decides = False
    waiting = await shop.drive(saga)
    assert (waiting.state, waiting.attempts) == (state, 1)
    assert await shop.status(saga.order_id) == "awaiting_payment"
    assert shop.units() == (8, 2, 0)
    assert shop.cart.freeze_state(saga.order_id) == "live"
    shop.payment.pay(saga.order_id)
    shop.payment.stripe_decides = True
    done = await shop.rest(saga.order_id)
    assert done.state is State.DONE
    assert shop.units() == (8, 0, 2)


async def test_payment_wins_against_a_cancellation(shop: Shop) -> None:
    saga = await shop.cancelling()
    shop.payment.pay(saga.order_id)
    done = await shop.drive(saga)
    order = await shop.order(saga.order_id)
    assert (done.state, order.status) == (State.DONE, "paid")
    assert order.payment is not None
    assert (order.payment.status, order.payment.checkout_url) == ("succeeded", None)
    assert await shop.told(saga.order_id) == ["order.placed", "order.paid"]
    assert shop.units() == (8, 0, 2)


async def test_payment_wins_against_a_rejection_and_the_order_has_no_failure(shop: Shop) -> None:
    saga = await shop.accept()
    shop.payment.faults.fail_after("open")
    opening = await shop.drive(saga)
    shop.payment.pay(saga.order_id)
    rejecting = await shop.put(opening, State.REJECTING, failure={"code": "checkout_failed"})
    done = await shop.drive(rejecting)
    order = await shop.order(saga.order_id)
    assert (done.state, done.context.failure, order.status) == (State.DONE, None, "paid")
    assert order.number is not None
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid"]


async def test_a_checkout_that_never_asked_for_a_payment_closes_none(shop: Shop) -> None:
    await shop.drive(await shop.accept(11))
    assert shop.payment.faults.calls == []


async def test_a_checkout_without_a_hold_releases_only_the_cart(shop: Shop) -> None:
    saga = await shop.put(await shop.accept(), State.REJECTING, hold_id="", failure={"code": "checkout_failed"})
    assert (await shop.drive(saga)).state is State.REJECTED
    assert shop.product.faults.calls == []
    assert shop.cart.freeze_state(saga.order_id) == "released"


@pytest.mark.parametrize(("callee", "method"), [("payment", "close"), ("product", "release"), ("cart", "release")])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_undoing_is_repeated_until_everything_is_undone(shop: Shop, callee: str, method: str, when: str) -> None:
    saga = await shop.cancelling()
    faults = getattr(shop, callee).faults
    (faults.fail_before if when == "before" else faults.fail_after)(method)
    waiting = await shop.drive(saga)
    assert (waiting.state, waiting.attempts) == (State.CANCELLING, 1)
    assert await shop.status(saga.order_id) == "awaiting_payment"
    assert (await shop.rest(saga.order_id)).state is State.CANCELLED
    assert shop.units() == (10, 0, 0)
    assert not shop.payment.pay(saga.order_id)
    assert await shop.told(saga.order_id) == ["order.placed", "order.cancelled"]


async def test_a_late_hold_or_freeze_of_a_cancelled_order_is_refused(shop: Shop) -> None:
    saga = await shop.drive(await shop.cancelling())
    for late in (
        shop.product.hold(str(saga.order_id), [HoldLine(shop.desk.id, 2)]),
        shop.cart.freeze(saga.order_id, shop.user_id, None),
    ):
        with pytest.raises(Exception, match=r"ended"):
            await late


async def test_a_key_whose_client_was_told_of_the_order_is_not_let_go(shop: Shop) -> None:
    saga = await shop.accept(11)
    await shop.sql("update checkout.saga set acknowledged = true where order_id = $1", saga.order_id)
    assert (await shop.drive(saga)).state is State.REJECTED
    assert not await shop.key_is_free(saga)


# Refunding


async def test_a_refund_is_asked_for_with_its_reason_and_then_waited_for(shop: Shop) -> None:
    saga = await shop.put(await shop.done(), State.REFUNDING, refund_reason="why not")
    refunding = await shop.drive(saga)
    assert refunding.state is State.REFUND_ASKED
    (refund,) = shop.payment.refunds(saga.order_id)
    assert (refund.amount, refund.reason) == (usd(TOTAL), "why not")
    (row,) = await shop.sql(
        "select next_run_at = 'infinity' as rests from checkout.saga where order_id = $1", saga.order_id
    )
    assert row["rests"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_refund_is_asked_for_until_it_is_answered_and_made_once(
    shop: Shop, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    saga = await shop.put(await shop.done(), State.REFUNDING)
    faults = shop.payment.faults
    (faults.fail_before if when == "before" else faults.fail_after)("refund")
    waiting = await shop.drive(saga)
    assert (waiting.state, waiting.attempts) == (State.REFUNDING, 1)
    assert (await shop.rest(saga.order_id)).state is State.REFUND_ASKED
    assert [refund.amount for refund in shop.payment.refunds(saga.order_id)] == [usd(TOTAL)]
    # The second request was known for the first one, not refused as one more.
    assert "nothing is left to refund" not in caplog.messages


async def test_a_refund_of_what_went_back_already_is_waited_for_like_any_other(shop: Shop) -> None:
    saga = await shop.done()
    shop.payment.refunds_at_once = False
    await shop.payment.refund(saga.order_id, RefundRequest("by-hand"))
    saga = await shop.put(saga, State.REFUNDING)
    assert (await shop.drive(saga)).state is State.REFUND_ASKED
    assert len(shop.payment.refunds(saga.order_id)) == 1


async def test_a_refund_without_a_charge_calls_for_a_person(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    saga = await shop.put(await shop.awaiting_payment(), State.REFUNDING)
    assert (await shop.drive(saga)).state is State.REFUND_ASKED
    assert alerts(caplog) == ["refund_failed"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_units_go_back_to_stock_once(shop: Shop, when: str) -> None:
    saga = await shop.put(await shop.done(), State.RESTOCKING, restock=True)
    faults = shop.product.faults
    (faults.fail_before if when == "before" else faults.fail_after)("put_back")
    assert (await shop.drive(saga)).attempts == 1
    done = await shop.rest(saga.order_id)
    assert (done.state, done.context.restock) == (State.DONE, False)
    assert shop.units() == (10, 0, 0)


async def test_restocking_what_was_never_sold_ends_all_the_same(shop: Shop) -> None:
    saga = await shop.put(await shop.drive(await shop.cancelling()), State.RESTOCKING, restock=True)
    assert (await shop.drive(saga)).state is State.DONE
    assert shop.units() == (10, 0, 0)
