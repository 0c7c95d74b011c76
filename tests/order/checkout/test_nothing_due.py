"""An order whose total is 0: it is paid by itself, without Stripe, and ends like any other."""

from __future__ import annotations

import pytest

from serai.contracts.order.fulfilment import UpdateOrder
from serai.order.checkout import actions
from serai.order.checkout.domain import State, TotalChanged
from serai.order.fulfilment.actions import update_order
from serai.order.orders.metrics import ORDERS
from tests.callees.product import Variant
from tests.order.checkout.shop import Shop, usd


@pytest.fixture
def gift(shop: Shop) -> Variant:
    return shop.product.add(price=0, stock=10)


async def order_of(shop: Shop, gift: Variant) -> actions.Placed:
    shop.fill_cart(2, gift)
    return await shop.place(shipping_method="pickup")


async def test_it_is_paid_when_the_request_is_answered(shop: Shop, gift: Variant) -> None:
    placed = await order_of(shop, gift)
    order = placed.order
    assert (placed.settled, order.status, order.payment_status, order.payment) == (True, "paid", "paid", None)
    assert (order.total, order.refunded) == (usd(0), usd(0))
    assert [entry.status for entry in order.history] == ["pending", "awaiting_payment", "paid"]
    assert order.number is not None
    assert await shop.events(order.id) == [("order.paid", order.number)]


async def test_operators_count_it_as_paid_and_see_its_steps(shop: Shop, gift: Variant) -> None:
    def paid() -> float:
        samples = next(iter(ORDERS.collect())).samples
        return sum(one.value for one in samples if one.name == "orders_total" and one.labels["status"] == "paid")

    before = paid()
    order = (await order_of(shop, gift)).order
    await shop.rest(order.id)
    assert paid() == before + 1
    assert (await shop.steps(order.id))[:4] == ["cart_frozen", "stock_held", "priced", "paid"]


async def test_its_units_are_sold_and_its_cart_is_cleared(shop: Shop, gift: Variant) -> None:
    order = (await order_of(shop, gift)).order
    assert (await shop.rest(order.id)).state is State.DONE
    sold = shop.product.variant(gift.id)
    assert (sold.available, sold.held, sold.sold) == (8, 0, 2)
    assert shop.cart.quantities(shop.user_id) == {}


async def test_payment_never_hears_of_it(shop: Shop, gift: Variant) -> None:
    order = (await order_of(shop, gift)).order
    await shop.rest(order.id)
    await actions.cancel_order(shop.deps, shop.admin, order.id, shop.idempotent_request())
    await shop.rest(order.id)
    assert shop.payment.events == []
    assert shop.payment.refunds(order.id) == []


async def test_cancelling_it_ends_in_refunded_and_its_units_return(shop: Shop, gift: Variant) -> None:
    order = (await order_of(shop, gift)).order
    await shop.rest(order.id)
    cancelled = await actions.cancel_order(shop.deps, shop.admin, order.id, shop.idempotent_request())
    assert (cancelled.settled, cancelled.order.status, cancelled.order.payment_status) == (True, "refunded", "refunded")
    assert (await shop.rest(order.id)).state is State.DONE
    assert shop.product.variant(gift.id).available == 10
    assert await shop.history(order.id) == ["pending", "awaiting_payment", "paid", "refunding", "refunded"]
    assert await shop.told(order.id) == ["order.paid", "order.refunded"]


async def test_it_ships_like_any_other(shop: Shop, gift: Variant) -> None:
    order = (await order_of(shop, gift)).order
    await shop.rest(order.id)
    shipped = await update_order(shop.deps, order.id, UpdateOrder("shipped"))
    assert (shipped.status, shipped.fulfilment_status) == ("shipped", "fulfilled")


async def test_its_units_are_given_up_when_the_hold_is_lost_and_they_are_sold_out(shop: Shop, gift: Variant) -> None:
    shop.fill_cart(2, gift)
    shop.product.faults.fail_before("commit")
    paid = await shop.drive(await shop.accept(0, shipping_method="pickup"))
    assert paid.state is State.PAID
    shop.product.lose(paid.context.hold_id)
    shop.product.set_available(gift.id, 0)
    assert (await shop.rest(paid.order_id)).state is State.DONE
    assert await shop.status(paid.order_id) == "refunded"


async def test_a_total_that_the_buyer_did_not_see_is_refused(shop: Shop, gift: Variant) -> None:
    shop.fill_cart(1, gift)
    with pytest.raises(TotalChanged):
        await shop.place(shipping_method="pickup", expected_total=usd(1))
    assert shop.product.variant(gift.id).available == 10
