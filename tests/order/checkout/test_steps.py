"""Each step of the checkout forward: what it asks of others, what it saves, how it takes a refusal."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from serai.commerce.forms import TaxLineOut
from serai.commerce.money import Money
from serai.contracts.cart import CheckoutInProgress
from serai.contracts.order.orders import Shortage
from serai.contracts.payment import OrderNotPayable, PaymentRefused, RefundRequest
from serai.order.checkout.domain import CLOSE_AFTER, PAYABLE_FOR, State
from tests.order.checkout.shop import GUEST, PRICE, TOTAL, Shop, alerts, usd


async def test_a_whole_purchase_sells_the_units_and_empties_the_cart(shop: Shop) -> None:
    saga = await shop.done()
    assert shop.units() == (8, 0, 2)
    assert shop.cart.quantities(shop.user_id) == {}
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid"]
    assert await shop.told(saga.order_id) == ["order.placed", "order.paid"]
    assert await shop.steps(saga.order_id) == [
        "cart_frozen",
        "stock_held",
        "priced",
        "payment_opening",
        "awaiting_payment",
        "stock_committed",
        "cart_cleared",
        "done",
    ]


async def test_a_purchase_is_saved_only_where_repeating_a_step_would_not_do(shop: Shop) -> None:
    """Accepted, payment opening, awaiting payment, paid, done: each save is a commit that the buyer waits for."""
    assert (await shop.done()).version == 5


# The cart


async def test_the_cart_stays_the_buyers_while_its_snapshot_is_ordered(shop: Shop) -> None:
    saga = await shop.awaiting_payment(2)
    shop.fill_cart(3)
    shop.payment.pay(saga.order_id)
    shop.payment.settle(saga.order_id)
    await shop.hear()
    await shop.rest(saga.order_id)
    assert shop.units() == (8, 0, 2)
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 3}


async def test_an_empty_cart_makes_a_rejected_order_and_lets_the_key_go(shop: Shop) -> None:
    saga = await shop.drive(await shop.accept(0))
    order = await shop.order(saga.order_id)
    assert (saga.state, order.status, order.number) == (State.REJECTED, "rejected", None)
    assert order.failure is not None
    assert order.failure.code == "cart_empty"
    assert await shop.key_is_free(saga)
    assert await shop.events(saga.order_id) == [("order.rejected", None)]
    assert shop.product.faults.calls == []


async def test_a_second_checkout_of_a_cart_is_told_of_the_first(shop: Shop) -> None:
    first = await shop.awaiting_payment()
    second = await shop.drive(await shop.accept(0))
    assert second.state is State.REJECTED
    assert second.context.failure is not None
    assert second.context.failure["code"] == CheckoutInProgress.code
    assert second.context.failure["order_id"] == str(first.order_id)
    assert shop.cart.freeze_state(first.order_id) == "live"
    # There is nothing to undo, so nobody is asked to.
    assert (shop.product.faults.calls, shop.cart.faults.calls) == (["hold"], ["freeze", "freeze"])


async def test_a_guests_cart_is_ordered_with_the_buyers_and_its_cookie_forgotten(shop: Shop) -> None:
    chair = shop.product.add(name="Chair")
    shop.cart.put_as_guest(GUEST, chair.product_id, chair.id, 1)
    saga = await shop.drive(await shop.accept(2, guest=GUEST))
    assert {item.name for item in (await shop.order(saga.order_id)).items} == {"Walnut desk", "Chair"}
    assert saga.context.guest is None


async def test_a_rejected_checkout_forgets_the_guests_cookie(shop: Shop) -> None:
    saga = await shop.drive(await shop.accept(0, guest=GUEST))
    assert (saga.state, saga.context.guest) == (State.REJECTED, None)


async def test_a_cart_that_refuses_otherwise_ends_the_checkout_with_its_reason(shop: Shop) -> None:
    saga = await shop.accept()
    await shop.cart.release(saga.order_id)
    rejected = await shop.drive(saga)
    order = await shop.order(saga.order_id)
    assert (rejected.state, order.status) == (State.REJECTED, "rejected")
    assert order.failure is not None
    assert order.failure.code == "freeze_closed"


# The stock and the price


async def test_what_is_out_of_stock_is_named_and_everything_else_let_go(shop: Shop) -> None:
    saga = await shop.drive(await shop.accept(11))
    order = await shop.order(saga.order_id)
    assert (saga.state, order.status) == (State.REJECTED, "rejected")
    assert order.failure is not None
    assert order.failure.code == "out_of_stock"
    assert order.failure.items == [Shortage(shop.desk.id, requested=11, available=10)]
    assert shop.cart.freeze_state(saga.order_id) == "released"
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 11}
    assert shop.product.hold_status(str(saga.order_id)) == "released"
    assert shop.payment.faults.calls == []


@pytest.mark.parametrize("quantity", [0, 11])
async def test_what_buyers_run_into_every_day_is_not_logged_as_a_failure(
    shop: Shop, quantity: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await shop.drive(await shop.accept(quantity))).state is State.REJECTED
    assert caplog.messages == []


async def test_an_order_costs_what_it_says_line_by_line(shop: Shop) -> None:
    saga = await shop.awaiting_payment(2)
    order = await shop.order(saga.order_id)
    assert [(item.quantity, item.unit_price, item.total) for item in order.items] == [(2, usd(PRICE), usd(2 * PRICE))]
    assert (order.subtotal, order.shipping, order.tax, order.total) == (usd(2000), usd(500), usd(250), usd(TOTAL))
    assert order.shipping_method == "standard"
    assert order.tax_lines == [TaxLineOut("VAT", "10", 1000, usd(2500), usd(250), included=False)]
    assert [(item.discount, item.tax) for item in order.items] == [(usd(0), usd(200))]
    assert order.number is not None
    assert saga.context.number == order.number
    rows = await shop.sql("select detail from checkout.step where order_id = $1 and state = 'priced'", saga.order_id)
    assert [row["detail"] for row in rows] == [str(TOTAL)]


async def test_a_held_order_keeps_its_price_when_the_shop_changes_it(shop: Shop) -> None:
    saga = await shop.accept()
    shop.payment.faults.fail_before("open")
    waiting = await shop.drive(saga)
    assert waiting.state is State.PAYMENT_OPENING
    shop.product.set_price(shop.desk.id, 9999)
    await shop.rest(saga.order_id)
    assert shop.payment.open_request(saga.order_id).amount == usd(TOTAL)
    assert (await shop.order(saga.order_id)).total == usd(TOTAL)


@pytest.mark.parametrize("expected", [None, TOTAL])
async def test_an_order_is_placed_at_the_total_the_buyer_saw(shop: Shop, expected: int | None) -> None:
    saga = await shop.drive(await shop.accept(expected_total=expected))
    assert saga.state is State.AWAITING_PAYMENT


async def test_an_order_is_not_placed_at_another_total_than_the_buyer_saw(shop: Shop) -> None:
    saga = await shop.drive(await shop.accept(expected_total=TOTAL - 1))
    order = await shop.order(saga.order_id)
    assert (saga.state, order.number, order.total) == (State.REJECTED, None, None)
    assert saga.context.failure is not None
    assert saga.context.failure["code"] == "total_changed"
    assert msgspec.convert(saga.context.failure["total"], Money) == usd(TOTAL)
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"
    assert shop.payment.faults.calls == []


async def test_an_order_that_stripe_could_not_charge_is_rejected_before_payment_hears_of_it(shop: Shop) -> None:
    shop.product.set_price(shop.desk.id, 50_000_000)
    saga = await shop.drive(await shop.accept())
    assert saga.state is State.REJECTED
    assert saga.context.failure is not None
    assert (saga.context.failure["status"], saga.context.failure["code"]) == (422, "total_not_payable")
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"
    assert shop.payment.faults.calls == []


# The payment


async def test_an_order_awaits_its_payment_on_the_page_that_payment_named(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    order = await shop.order(saga.order_id)
    facts = await shop.payment.payment(saga.order_id)
    assert order.payment is not None
    assert (order.payment.id, order.payment.status, order.payment.checkout_url, order.payment.expires_at) == (
        facts.id,
        "requires_payment",
        facts.checkout_url,
        facts.expires_at,
    )
    assert await shop.events(saga.order_id) == [("order.placed", order.number)]
    assert shop.units() == (8, 2, 0)


async def test_payment_is_asked_for_every_line_with_shipping_and_tax(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    request = shop.payment.open_request(saga.order_id)
    assert [(line.name, line.quantity, line.unit_price) for line in request.lines] == [
        ("Walnut desk", 2, usd(PRICE)),
        ("Shipping", 1, usd(500)),
        ("Tax", 1, usd(250)),
    ]
    assert (request.amount, request.user_id, request.email) == (usd(TOTAL), shop.user_id, "ada@example.com")
    assert request.number == saga.context.number


async def test_payment_is_not_asked_for_lines_that_cost_nothing(shop: Shop) -> None:
    saga = await shop.drive(await shop.accept(shipping_method="pickup", country="FR"))
    assert [line.name for line in shop.payment.open_request(saga.order_id).lines] == ["Walnut desk"]
    order = await shop.order(saga.order_id)
    assert (order.shipping_method, order.total) == ("pickup", usd(2 * PRICE))


async def test_an_order_is_payable_for_its_time_and_looked_at_again_a_little_later(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    (row,) = await shop.sql(
        "select next_run_at, lease_until, now() from checkout.saga where order_id = $1", saga.order_id
    )
    assert saga.context.payable_until is not None
    assert row["next_run_at"] == saga.context.payable_until + CLOSE_AFTER
    assert timedelta(0) <= PAYABLE_FOR - (saga.context.payable_until - row["now"]) < timedelta(seconds=30)


async def test_a_payment_whose_answer_was_lost_is_asked_for_word_for_word_again(shop: Shop) -> None:
    saga = await shop.accept()
    shop.payment.faults.fail_after("open")
    assert (await shop.drive(saga)).attempts == 1
    request = shop.payment.open_request(saga.order_id)
    rested = await shop.rest(saga.order_id)
    assert rested.state is State.AWAITING_PAYMENT
    assert shop.payment.open_request(saga.order_id) == request
    assert shop.payment.faults.calls.count("open") == 2


@pytest.mark.parametrize("refusal", [PaymentRefused(reason="amount_too_small"), OrderNotPayable()])
async def test_a_payment_that_is_refused_ends_the_checkout_and_gives_everything_back(
    shop: Shop, refusal: Exception
) -> None:
    saga = await shop.accept()
    shop.payment.faults.fail_before("open", error=refusal)
    rejected = await shop.drive(saga)
    order = await shop.order(saga.order_id)
    assert (rejected.state, order.status, order.number, order.payment) == (State.REJECTED, "rejected", None, None)
    assert order.failure is not None
    assert order.failure.code == getattr(refusal, "code", None)
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"
    # A late repetition of the request must not open a page that could be paid.
    assert shop.payment.faults.calls == ["open", "close"]
    assert await shop.events(saga.order_id) == [("order.rejected", None)]
    assert await shop.key_is_free(saga)


async def test_an_order_that_nobody_pays_is_cancelled_when_its_time_is_over(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    cancelled = await shop.drive(await shop.claim(saga.order_id))
    assert cancelled.state is State.CANCELLED
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "cancelled"]
    assert shop.units() == (10, 0, 0)


async def test_an_order_paid_in_the_last_moment_is_not_cancelled(shop: Shop) -> None:
    saga = await shop.awaiting_payment()
    assert shop.payment.pay(saga.order_id)
    done = await shop.drive(await shop.claim(saga.order_id))
    assert done.state is State.DONE
    assert await shop.history(saga.order_id) == ["pending", "awaiting_payment", "paid"]


# Sold


async def test_a_commit_whose_answer_was_lost_sells_the_units_once(shop: Shop) -> None:
    saga = await shop.paid()
    shop.product.faults.fail_after("commit")
    assert (await shop.drive(saga)).attempts == 1
    assert (await shop.rest(saga.order_id)).state is State.DONE
    assert shop.units() == (8, 0, 2)


async def test_a_paid_order_whose_hold_was_lost_takes_the_units_again(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await shop.paid()
    shop.product.lose(str(saga.order_id))
    done = await shop.drive(saga)
    assert (done.state, done.context.hold_id) == (State.DONE, f"{saga.order_id}:2")
    assert shop.units() == (8, 0, 2)
    assert alerts(caplog) == ["hold_lost"]
    assert "stock_committed" in await shop.steps(saga.order_id)


async def test_a_paid_order_that_has_no_hold_takes_the_units_again(shop: Shop) -> None:
    saga = await shop.put(await shop.awaiting_payment(), State.PAID, hold_id=str(uuid4()))
    assert (await shop.drive(saga)).context.hold_id == f"{saga.order_id}:2"
    assert shop.product.hold_status(f"{saga.order_id}:2") == "committed"


async def test_a_paid_order_whose_units_are_gone_is_refunded(shop: Shop) -> None:
    saga = await shop.paid()
    shop.product.lose(str(saga.order_id))
    shop.product.set_available(shop.desk.id, 1)
    refunding = await shop.drive(saga)
    assert refunding.state is State.REFUND_ASKED
    assert await shop.status(saga.order_id) == "refunding"
    (refund,) = shop.payment.refunds(saga.order_id)
    assert (refund.amount, refund.reason) == (usd(TOTAL), "out of stock after payment")
    await shop.hear()
    await shop.rest(saga.order_id)
    assert await shop.status(saga.order_id) == "refunded"
    assert shop.units() == (1, 0, 0)


async def test_a_paid_order_whose_second_hold_was_lost_too_is_refunded(shop: Shop) -> None:
    saga = await shop.paid()
    shop.product.lose(str(saga.order_id))
    again = f"{saga.order_id}:2"
    await shop.product.release(again)
    assert (await shop.drive(saga)).state is State.REFUND_ASKED


async def test_units_taken_again_go_back_to_stock_when_the_order_is_refunded(shop: Shop) -> None:
    saga = await shop.paid()
    shop.product.lose(str(saga.order_id))
    await shop.drive(saga)
    await shop.payment.refund(saga.order_id, RefundRequest("by-hand"))
    await shop.hear()
    await shop.rest(saga.order_id)
    assert shop.units() == (10, 0, 0)


async def test_a_cart_that_was_released_too_early_does_not_keep_a_paid_order(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await shop.paid()
    await shop.cart.release(saga.order_id)
    done = await shop.drive(saga)
    assert done.state is State.DONE
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 2}
    assert "cart was released before it was cleared" in caplog.messages


async def test_a_cart_cleared_with_its_answer_lost_is_cleared_once(shop: Shop) -> None:
    saga = await shop.paid()
    shop.fill_cart(1)
    shop.cart.faults.fail_after("clear")
    await shop.drive(saga)
    await shop.rest(saga.order_id)
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 1}


@pytest.mark.parametrize(
    ("cancellation", "state"),
    [
        ({}, State.DONE),
        ({"refund": True}, State.REFUND_ASKED),
        ({"restock": True}, State.DONE),
        ({"refund": True, "restock": True}, State.REFUND_ASKED),
    ],
)
async def test_what_was_asked_for_meanwhile_comes_after_the_sale(
    shop: Shop, cancellation: dict[str, bool], state: State
) -> None:
    saga = await shop.paid()
    saga = await shop.put(saga, State.PAID, **cancellation)
    assert (await shop.drive(saga)).state is state
    assert shop.product.faults.calls.count("commit") == 1
    assert ("put_back" in shop.product.faults.calls) == (cancellation == {"restock": True})
    assert bool(shop.payment.refunds(saga.order_id)) == bool(cancellation.get("refund"))
