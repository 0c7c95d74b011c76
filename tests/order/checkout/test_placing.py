"""Placing an order and quoting one: what the buyer is told, when, and what their key is bound to."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from serai.chassis.data.idempotency import InProgress, KeyReused
from serai.chassis.errors import Invalid, NotFound
from serai.commerce.address import AddressIn
from serai.commerce.money import Money
from serai.contracts.cart import CartEmpty, CheckoutInProgress
from serai.contracts.order.checkout import QuoteRequest
from serai.contracts.product.inventory import OutOfStock
from serai.order.checkout import actions
from serai.order.checkout.domain import State, TotalChanged, TotalNotPayable
from serai.order.checkout.saga import CheckoutFailed
from serai.order.orders.actions import read_order
from serai.order.pricing.domain import UnknownShippingMethod
from tests.order.checkout.shop import ADDRESS, GUEST, PRICE, TOTAL, Shop, usd

KEY = "the key"


async def test_a_buyer_is_answered_when_the_order_can_be_paid(shop: Shop) -> None:
    shop.fill_cart()
    placed = await shop.place(note="ring twice")
    assert (placed.settled, placed.replayed) == (True, False)
    order = placed.order
    assert (order.status, order.total, order.email, order.note) == (
        "awaiting_payment",
        usd(TOTAL),
        "ada@example.com",
        "ring twice",
    )
    assert msgspec.to_builtins(order.shipping_address) == msgspec.to_builtins(ADDRESS)
    assert order.payment is not None
    assert order.payment.checkout_url is not None
    assert shop.payment.pay(order.id)


async def test_an_order_goes_to_the_country_and_by_the_method_that_were_asked_for(shop: Shop) -> None:
    shop.fill_cart()
    order = (await shop.place(shipping_method="pickup")).order
    assert (order.shipping_method, order.shipping, order.tax) == ("pickup", usd(0), usd(200))


async def test_an_order_keeps_the_address_that_its_invoice_goes_to(shop: Shop) -> None:
    shop.fill_cart()
    billing = AddressIn("Ada Ltd", "2 Ledger Lane", "Tashkent", "100000", "UZ")
    order = (await shop.place(billing_address=billing)).order
    assert msgspec.to_builtins(order.billing_address) == msgspec.to_builtins(billing)
    assert msgspec.to_builtins(order.shipping_address) == msgspec.to_builtins(ADDRESS)


async def test_a_guests_cart_is_ordered_too(shop: Shop) -> None:
    shop.cart.put_as_guest(GUEST, shop.desk.product_id, shop.desk.id, 2)
    assert [item.quantity for item in (await shop.place(guest=GUEST)).order.items] == [2]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"expected_total": Money(TOTAL, "EUR")}, Invalid),
        ({"shipping_method": "by camel"}, UnknownShippingMethod),
    ],
)
async def test_what_makes_no_sense_makes_no_order(shop: Shop, fields: dict[str, Any], refusal: type[Exception]) -> None:
    shop.fill_cart()
    with pytest.raises(refusal):
        await shop.place(KEY, **fields)
    assert await shop.sql("select 1 from orders.orders where user_id = $1", shop.user_id) == []
    assert (await shop.place(KEY)).settled


async def test_a_refusal_tells_the_buyer_what_is_short_and_the_same_key_may_try_again(shop: Shop) -> None:
    shop.fill_cart(11)
    with pytest.raises(OutOfStock) as refused:
        await shop.place(KEY)
    assert refused.value.facts["items"] == [{"variant_id": str(shop.desk.id), "requested": 11, "available": 10}]
    shop.cart.set(shop.user_id, shop.desk.id, 2)
    placed = await shop.place(KEY)
    assert (placed.order.status, placed.replayed) == ("awaiting_payment", False)


async def test_refuses_an_empty_cart(shop: Shop) -> None:
    with pytest.raises(CartEmpty):
        await shop.place()


async def test_refuses_a_second_checkout_of_a_cart_and_names_the_first(shop: Shop) -> None:
    shop.fill_cart()
    first = (await shop.place()).order
    with pytest.raises(CheckoutInProgress) as refused:
        await shop.place()
    assert refused.value.facts["order_id"] == str(first.id)


async def test_refuses_another_total_than_the_buyer_saw(shop: Shop) -> None:
    shop.fill_cart()
    with pytest.raises(TotalChanged) as refused:
        await shop.place(expected_total=usd(1))
    assert msgspec.convert(refused.value.facts["total"], Money) == usd(TOTAL)
    assert (await shop.place(expected_total=usd(TOTAL))).settled


async def test_the_quote_refuses_what_the_order_would_refuse(shop: Shop) -> None:
    shop.fill_cart()
    shop.product.set_price(shop.desk.id, 50_000_000)
    with pytest.raises(TotalNotPayable):
        await actions.quote(shop.deps, shop.user_id, QuoteRequest(shipping_address=ADDRESS), None)
    with pytest.raises(TotalNotPayable):
        await shop.place()


async def test_the_same_key_answers_the_same_order_as_it_is_now(shop: Shop) -> None:
    shop.fill_cart()
    first = await shop.place(KEY)
    shop.payment.pay(first.order.id)
    shop.payment.settle(first.order.id)
    await shop.hear()
    again = await shop.place(KEY)
    assert (again.order.id, again.order.status) == (first.order.id, "paid")
    assert (again.settled, again.replayed) == (True, True)
    assert shop.payment.faults.calls.count("open") == 1


async def test_the_same_key_with_another_request_is_refused(shop: Shop) -> None:
    shop.fill_cart()
    await shop.place(KEY)
    with pytest.raises(KeyReused):
        await shop.place(KEY, note="something else")


async def test_a_key_belongs_to_its_caller(shop: Shop) -> None:
    shop.fill_cart()
    mine = (await shop.place(KEY)).order
    other = Shop(shop.db, "")
    other.fill_cart()
    assert (await other.place(KEY)).order.id != mine.id


async def test_a_buyer_is_answered_after_a_while_when_the_payment_page_takes_longer(shop: Shop) -> None:
    shop.fill_cart()
    deps = shop.deps_of(shop.checkout, patience_s=0.05)
    stall = shop.payment.faults.stall_before("open")
    placed = await shop.place(KEY, deps=deps)
    assert (placed.order.status, placed.settled, placed.replayed) == ("pending", False, False)
    # Told of it once, the buyer may ask again and is answered at once.
    again = await shop.place(KEY, deps=deps)
    assert (again.order.id, again.settled, again.replayed) == (placed.order.id, False, True)
    stall.resume()
    while await shop.status(placed.order.id) == "pending":
        await asyncio.sleep(0.005)
    ready = await shop.place(KEY, deps=deps)
    assert (ready.order.status, ready.settled, ready.replayed) == ("awaiting_payment", True, True)


async def test_an_order_that_was_told_of_and_then_refused_keeps_its_key(shop: Shop) -> None:
    """The answer to a repetition is the order that the buyer knows, not a second one."""
    shop.fill_cart(11)
    deps = shop.deps_of(shop.checkout, patience_s=0.05)
    stall = shop.product.faults.stall_before("hold")
    placed = await shop.place(KEY, deps=deps)
    assert placed.order.status == "pending"
    stall.resume()
    while await shop.status(placed.order.id) == "pending":
        await asyncio.sleep(0.005)
    again = await shop.place(KEY, deps=deps)
    assert (again.order.id, again.order.status, again.replayed) == (placed.order.id, "rejected", True)
    assert again.order.failure is not None
    assert again.order.failure.code == "out_of_stock"


async def test_an_order_that_is_refused_just_when_patience_ends_is_refused_to_the_buyer(shop: Shop) -> None:
    shop.fill_cart()
    stall = shop.payment.faults.stall_before("open")

    async def refuse() -> None:
        (row,) = await shop.sql(
            "select order_id from checkout.saga where context ->> 'user_id' = $1", str(shop.user_id)
        )
        failure = {"code": "checkout_failed", "status": 503, "detail": "later"}
        await shop.drive(await shop.put(await shop.saga(row["order_id"]), State.REJECTING, failure=failure))

    await shop.cut.open()
    shop.cut.cuts = [None, refuse]
    with pytest.raises(CheckoutFailed):
        await shop.place(KEY, deps=shop.deps_of(shop.checkout, db=shop.cut, patience_s=0.05))
    stall.resume()
    assert shop.cut.cuts == []
    assert (await shop.place(KEY)).order.status == "awaiting_payment"


async def test_a_double_click_is_told_that_the_first_is_under_way(shop: Shop) -> None:
    shop.fill_cart()
    stall = shop.payment.faults.stall_before("open")
    placing = asyncio.create_task(shop.place(KEY))
    await stall.reached.wait()
    with pytest.raises(InProgress):
        await shop.place(KEY)
    stall.resume()
    assert (await placing).settled


async def test_a_repetition_carries_on_what_a_request_that_died_has_left(shop: Shop) -> None:
    shop.fill_cart()
    first = await actions._accept(
        shop.deps, shop.buyer, shop.request(), None, shop.idempotent_request(KEY, repr(shop.request()))
    )
    assert first is not None
    await shop.make_due(first.order_id)
    placed = await shop.place(KEY)
    assert (placed.order.id, placed.order.status) == (first.order_id, "awaiting_payment")
    assert (placed.settled, placed.replayed) == (True, True)


async def test_a_request_orders_by_itself_when_the_other_with_its_key_was_refused_meanwhile(shop: Shop) -> None:
    shop.fill_cart()
    await shop.cut.open()
    shop.cut.cuts = [lambda: _bind(shop), lambda: _let_go(shop)]
    placed = await shop.place(KEY, deps=shop.deps_of(shop.checkout, db=shop.cut))
    assert shop.cut.cuts == []
    assert (placed.order.status, placed.replayed) == ("awaiting_payment", False)


async def test_a_request_gives_up_when_others_with_its_key_are_refused_again_and_again(shop: Shop) -> None:
    shop.fill_cart()
    await shop.cut.open()
    shop.cut.cuts = [lambda: _bind(shop), lambda: _let_go(shop)] * 3
    with pytest.raises(InProgress):
        await shop.place(KEY, deps=shop.deps_of(shop.checkout, db=shop.cut))
    assert shop.cut.cuts == []


async def test_many_requests_under_one_key_make_one_order(shop: Shop) -> None:
    shop.fill_cart()
    answers = await asyncio.gather(*(shop.place(KEY) for _ in range(6)), return_exceptions=True)
    orders = {answer.order.id for answer in answers if isinstance(answer, actions.Placed)}
    assert len(orders) == 1
    assert all(isinstance(answer, actions.Placed | InProgress) for answer in answers)
    assert shop.units() == (8, 2, 0)


async def test_a_buyer_sees_only_orders_of_their_own(shop: Shop) -> None:
    shop.fill_cart()
    order = (await shop.place()).order
    other = Shop(shop.db, "")
    assert (await read_order(shop.deps, shop.buyer, order.id)).id == order.id
    assert (await read_order(shop.deps, shop.admin, order.id)).id == order.id
    with pytest.raises(NotFound):
        await read_order(shop.deps, other.buyer, order.id)
    with pytest.raises(NotFound):
        await read_order(shop.deps, shop.admin, UUID(int=1))


# Quotes


async def test_a_quote_is_what_placing_the_order_comes_to(shop: Shop) -> None:
    shop.fill_cart()
    quote = await actions.quote(shop.deps, shop.user_id, QuoteRequest(shipping_address=ADDRESS), None)
    order = (await shop.place(expected_total=quote.total)).order
    assert (
        [replace(item, line_id=None) for item in order.items],
        quote.subtotal,
        quote.shipping,
        quote.tax,
        quote.total,
    ) == (
        quote.items,
        order.subtotal,
        order.shipping,
        order.tax,
        order.total,
    )
    assert (quote.shipping_method, quote.tax_lines) == (order.shipping_method, order.tax_lines)
    assert [(one.id, one.name, one.price) for one in quote.shipping_methods] == [
        ("standard", "Standard", usd(500)),
        ("pickup", "Pick-up", usd(0)),
    ]


async def test_a_quote_changes_nothing_but_that_a_guests_cart_becomes_the_buyers(shop: Shop) -> None:
    shop.cart.put_as_guest(GUEST, shop.desk.product_id, shop.desk.id, 2)
    await actions.quote(shop.deps, shop.user_id, QuoteRequest(), GUEST)
    assert shop.cart.quantities(shop.user_id) == {shop.desk.id: 2}
    assert shop.units() == (10, 0, 0)
    assert "freeze" not in shop.cart.faults.calls


async def test_a_quote_without_an_address_has_no_tax_of_a_country(shop: Shop) -> None:
    shop.fill_cart()
    quote = await actions.quote(shop.deps, shop.user_id, QuoteRequest(shipping_method="pickup"), None)
    assert (quote.tax, quote.tax_lines, quote.shipping_method, quote.total) == (usd(0), [], "pickup", usd(2 * PRICE))


async def test_a_quote_is_refused_as_the_order_would_be(shop: Shop) -> None:
    async def quote(**fields: Any) -> None:
        await actions.quote(shop.deps, shop.user_id, QuoteRequest(**fields), None)

    with pytest.raises(UnknownShippingMethod):
        await quote(shipping_method="by camel")
    with pytest.raises(Invalid) as refused:
        await quote(expected_total=Money(1, "EUR"))
    assert refused.value.detail == "This shop's currency is USD."
    assert [error["field"] for error in refused.value.errors] == ["expected_total.currency"]
    # What makes no sense is refused before anybody is asked.
    assert shop.cart.faults.calls == []
    with pytest.raises(CartEmpty):
        await quote()
    shop.fill_cart(2)
    with pytest.raises(TotalChanged) as changed:
        await quote(expected_total=usd(1))
    assert changed.value.facts["total"] == usd(2 * PRICE + 500)
    await quote(expected_total=usd(2 * PRICE + 500))


async def test_the_last_units_are_quoted(shop: Shop) -> None:
    shop.fill_cart(10)
    quote = await actions.quote(shop.deps, shop.user_id, QuoteRequest(), None)
    assert quote.subtotal == usd(10 * PRICE)


@pytest.mark.parametrize("gone", ["short", "archived", "unknown"])
async def test_a_quote_names_what_is_short(shop: Shop, gone: str) -> None:
    shop.fill_cart(2)
    available = 0
    if gone == "short":
        available = 1
        shop.product.set_available(shop.desk.id, 1)
    elif gone == "archived":
        shop.product.archive(shop.desk.id)
    else:
        shop.product.forget(shop.desk.id)
    with pytest.raises(OutOfStock) as refused:
        await actions.quote(shop.deps, shop.user_id, QuoteRequest(), None)
    assert refused.value.facts["items"] == [{"variant_id": shop.desk.id, "requested": 2, "available": available}]


async def _bind(shop: Shop) -> None:
    """Another request takes the key."""
    idempotent_request = shop.idempotent_request(KEY, repr(shop.request()))
    async with shop.db.transaction() as tx:
        await idempotent_request.bind(tx, UUID(int=1))


async def _let_go(shop: Shop) -> None:
    await shop.sql("delete from idempotency_key where caller = $1 and key = $2", f"user:{shop.user_id}", KEY)
