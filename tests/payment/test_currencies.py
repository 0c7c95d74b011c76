"""Every currency from the price to the refund: the same digits at each stop."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from serai.chassis.errors import Invalid
from serai.commerce.charge import charge_lines
from serai.commerce.currency import CURRENCIES, Currency
from serai.commerce.line import Line
from serai.commerce.money import Money
from serai.commerce.priced import Priced
from serai.contracts.payment import OpenPayment, PaymentLine, RefundRequest
from serai.notification.render import money
from serai.order.checkout.domain import TotalNotPayable, require_payable
from serai.order.pricing.domain import Rules, ShippingMethod, TaxRate, price
from serai.payment import actions, refunds
from serai.payment.deps import Deps
from serai.product.catalogue.domain import require_sellable
from tests.payment.service import PaymentService, eventually
from tests.sandbox.process import GOOD

CHARGED = [currency for currency in CURRENCIES.values() if currency.stripe_digits is not None]


class Variant:
    """A variant of a product without options."""

    sku, options = "CUP", dict[str, str]()

    def __init__(self, price: Money) -> None:
        self.price = price


def basket(currency: Currency, unit_price: int) -> Priced:
    """Two of a thing, with a tax that does not come out even, and shipping."""
    shipping = ShippingMethod("standard", "Standard", 7 * currency.step)
    rules = Rules(currency.code, (shipping,), (TaxRate("Tax", 48_750),))
    line = Line(UUID(int=1), UUID(int=1), UUID(int=1), "CUP", "Cup", {}, unit_price, 2)
    return price([line], None, None, rules)


def deps_of(service: PaymentService, currency: Currency) -> Deps:
    """A replica whose shop has this currency."""
    shared = service.deps
    return Deps(shared.database, shared.feed, shared.stripe, shared.public_url, currency.code, shared.webhook_secrets)


def number(text: str) -> float:
    found = re.search(r"[\d,]+(?:\.\d+)?", text)
    assert found is not None, text
    return float(found[0].replace(",", ""))


class Bought(NamedTuple):
    order_id: UUID
    currency: Currency
    due: int
    refunded: int


async def test_every_currency_is_priced_charged_mailed_and_refunded_with_the_same_digits(
    service: PaymentService,
) -> None:
    at_once = asyncio.Semaphore(6)

    async def walk(currency: Currency) -> Bought:
        async with at_once:
            return await buy_and_refund(service, currency)

    bought = await asyncio.gather(*map(walk, CHARGED))
    assert len(bought) > 130
    ledger = defaultdict(list)
    for line in await service.ledger():
        ledger[line["metadata"].get("order_id")].append((line["type"], line["currency"], abs(line["amount"])))
    for order_id, currency, due, refunded in bought:
        # Stripe counts in units of its own; it is the same amount.
        assert currency.stripe_digits is not None
        unit = 10**currency.digits / 10**currency.stripe_digits
        moved = [(kind, code, amount * unit) for kind, code, amount in ledger[str(order_id)]]
        code = currency.code.lower()
        assert moved == [("charge", code, due), ("refund", code, refunded)], currency


async def buy_and_refund(service: PaymentService, currency: Currency) -> Bought:
    code, deps = currency.code, deps_of(service, currency)
    unit_price = (1_234 + currency.minimum // currency.step) * currency.step
    require_sellable([], [Variant(Money(unit_price, code))], code, listed=False)
    priced = basket(currency, unit_price)
    require_payable(priced)
    due = priced.amount_due
    lines = [PaymentLine(one.name, one.quantity, Money(one.unit_amount, code)) for one in charge_lines(priced)]
    order_id, until = uuid4(), datetime.now(UTC) + timedelta(minutes=45)
    request = OpenPayment("S-100042", Money(due, code), uuid4(), "ada@example.com", lines, until)
    payment = await actions.open_payment(deps, order_id, request)
    assert payment.attempt is not None
    assert payment.attempt.url is not None
    page = await service.web.get(payment.attempt.url)
    title = re.search(r"<title>Pay ([^<]+)</title>", page.text)
    assert title is not None
    assert number(title[1]) == number(money(Money(due, code))) == due / 10**currency.digits
    paid = await service.press(payment.attempt.url, GOOD)
    assert paid.status_code == 303, (code, paid.text)

    async def told() -> bool:
        return any(event["type"] == "payment.succeeded" for event in await service.events(order_id))

    await eventually(told)
    share = due // 3 // currency.step * currency.step
    refund = RefundRequest("part", Money(share, code), "Scratched", restock=False)
    made = await refunds.refund_for_service(deps, order_id, refund)
    assert made.amount == share
    return Bought(order_id, currency, due, share)


@pytest.mark.parametrize("code", ["USD", "JPY", "KWD", "ISK", "MGA", "IDR"])
def test_the_quote_refuses_what_stripe_would_refuse(code: str) -> None:
    currency = CURRENCIES[code]
    for unit_price in (currency.maximum, currency.maximum // 2):
        with pytest.raises(TotalNotPayable) as refused:
            require_payable(basket(currency, unit_price - unit_price % currency.step))
        assert refused.value.facts["maximum"] == Money(currency.maximum, code)
    require_payable(basket(currency, currency.maximum // 4 // currency.step * currency.step))


def test_the_quote_refuses_a_total_below_the_smallest_charge() -> None:
    with pytest.raises(TotalNotPayable, match=r"from 0\.50 to 999,999\.99"):
        require_payable(basket(CURRENCIES["USD"], 5))


@pytest.mark.parametrize(("code", "amount"), [("KWD", 1255), ("MGA", 4950)])
def test_a_price_that_stripe_cannot_charge_is_refused_at_the_product(code: str, amount: int) -> None:
    with pytest.raises(Invalid) as refused:
        require_sellable([], [Variant(Money(amount, code))], code, listed=False)
    assert [error["field"] for error in refused.value.errors] == ["price.amount"]
