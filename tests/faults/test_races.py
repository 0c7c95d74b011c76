"""Races and repetitions on the running shop: nothing is sold twice, charged twice or lost."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tools.shop.shopper import AdminClient, Shopper, pay, until
from tools.shop.system import System


@pytest.fixture
def office(system: System) -> Iterator[AdminClient]:
    made = AdminClient(system)
    yield made
    made.no_more_faults()


def test_two_hundred_buyers_on_fifty_units(system: System, office: AdminClient) -> None:
    product = office.product(stock=50)

    def buy(number: int) -> tuple[str, str | None]:
        shopper = Shopper(system, f"crowd-{product['id'][-12:]}-{number}@example.com")
        try:
            added = shopper.add(product)
            if added.status_code == 409:
                return added.json()["code"], None
            answer = shopper.place()
            if answer.status_code == 409:
                return answer.json()["code"], None
            assert answer.status_code in (201, 202), answer.text
            order = shopper.order_when(answer.json()["id"], "awaiting_payment", "rejected", timeout_s=60)
            if order["status"] == "rejected":
                return order["failure"]["code"], None
            assert pay(order).status_code == 303
            return shopper.order_when(order["id"], "paid", timeout_s=60)["status"], order["id"]
        finally:
            shopper.http.close()

    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(buy, range(200)))
    assert sorted({how for how, _ in ends}) == ["out_of_stock", "paid"]
    paid = [order_id for how, order_id in ends if how == "paid" and order_id]
    assert len(paid) == 50
    assert all(len(office.ledger(order_id)) == 1 for order_id in paid[:5])
    until("every unit to be booked", lambda: office.stock(product)["on_hand"] == 0)
    assert office.stock(product)["held"] == 0


def test_paying_races_cancelling(system: System, office: AdminClient) -> None:
    """Whatever wins, money and order agree."""
    for _ in range(10):
        product = office.product(stock=1)
        shopper = Shopper(system)
        shopper.add(product)
        order = shopper.placed()
        with ThreadPoolExecutor(2) as pool:
            paying, cancelling = pool.submit(pay, order), pool.submit(shopper.cancel, order["id"])
            paying.result(), cancelling.result()
        end = shopper.order_when(order["id"], "paid", "cancelled")
        charges = office.ledger(order["id"])
        assert len(charges) == (1 if end["status"] == "paid" else 0)
        left = 0 if end["status"] == "paid" else 1
        until("the units to agree", partial(_has_on_hand, office, product, left))


def _has_on_hand(office: AdminClient, product: dict[str, Any], units: int) -> bool:
    return office.stock(product)["on_hand"] == units


def test_paying_the_same_page_twice_charges_once(system: System, office: AdminClient) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=2))
    order = shopper.placed()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: pay(order), range(5)))
    shopper.order_when(order["id"], "paid")
    assert len(office.ledger(order["id"])) == 1


@pytest.mark.parametrize("fault", ["duplicate", "drop", "late"])
def test_a_webhook_that_comes_twice_late_or_never(system: System, office: AdminClient, fault: str) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    office.fault(operation="webhook", fault=fault, count=1, delay_ms=1500)
    pay(order)
    if fault == "drop":
        confirmed = shopper.http.post(f"/api/payments/{order['payment']['id']}/confirm")
        assert confirmed.json()["status"] == "succeeded"
    shopper.order_when(order["id"], "paid")
    until("the confirmation", lambda: office.mails(shopper.email, order["number"]))
    assert len(office.ledger(order["id"])) == 1
    assert len(office.mails(shopper.email, order["number"])) == 1


def test_a_forged_webhook_pays_nothing(system: System, office: AdminClient) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    event = {
        "id": "evt_forged",
        "object": "event",
        "type": "checkout.session.completed",
        "data": {"object": {"id": "cs_forged", "client_reference_id": order["id"], "payment_status": "paid"}},
    }
    raw = json.dumps(event).encode()
    now = int(time.time())
    forged = hmac.new(b"whsec_guessed", f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
    for signature in (None, f"t={now},v1={forged}", f"t={now - 3600},v1={forged}", "nonsense"):
        headers = {"Content-Type": "application/json", **({"Stripe-Signature": signature} if signature else {})}
        answer = httpx.post(f"{system.url}/api/payments/webhooks/stripe", content=raw, headers=headers)
        assert answer.status_code == 400
    assert shopper.order(order["id"])["status"] == "awaiting_payment"
    assert office.ledger(order["id"]) == []


def test_refunds_in_parallel_never_exceed_the_charge(system: System, office: AdminClient) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1, price=1000))
    order = shopper.placed()
    pay(order)
    shopper.order_when(order["id"], "paid")

    def refund(number: int) -> int:
        body = {"amount": {"amount": 300, "currency": "USD"}}
        headers = {"Idempotency-Key": f"parallel-{order['id']}-{number}"}
        return office.http.post(
            f"/api/payments/{order['payment']['id']}/refund", json=body, headers=headers
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(refund, range(8)))
    assert sorted(statuses) == [201] * 3 + [409] * 5
    until("three refunds", lambda: len(office.ledger(order["id"], "refund")) == 3)
    assert until("the order to know", lambda: shopper.order(order["id"])["refunded"]["amount"] == 900)


def test_an_edit_during_checkout_does_not_change_the_order(system: System, office: AdminClient) -> None:
    product = office.product(stock=2, price=1000)
    shopper = Shopper(system)
    shopper.add(product)
    order = shopper.placed()
    office.http.delete(f"/api/products/{product['id']}").raise_for_status()
    pay(order)
    paid = shopper.order_when(order["id"], "paid")
    assert paid["total"]["amount"] == 1000
    assert paid["items"][0]["name"] == product["name"]
