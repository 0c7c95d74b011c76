"""What Stripe can do to a checkout: answer late, fail, fail for good, or be told nothing until the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from tools.shop.shopper import AdminClient, Shopper, pay, until
from tools.shop.system import System


@pytest.fixture
def office(system: System) -> Iterator[AdminClient]:
    made = AdminClient(system)
    yield made
    made.no_more_faults()


def in_orders(system: System, statement: str, *values: object) -> None:
    """Run a statement in the order service's database, as time or an operator would."""

    async def run() -> None:
        conn = await asyncpg.connect(system.database("order"), timeout=10)
        try:
            await conn.execute(statement, *values)
        finally:
            await conn.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "fault", ["execute_then_timeout", "execute_then_500", "fail_500_before", "409", "429", "delay"]
)
def test_opening_the_page_survives(system: System, office: AdminClient, fault: str) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1))
    office.fault(operation="checkout.sessions.create", fault=fault, count=1, delay_ms=1000)
    placed = shopper.place()
    assert placed.status_code in (201, 202), placed.text
    order = shopper.order_when(placed.json()["id"], "awaiting_payment", timeout_s=60)
    assert pay(order).status_code == 303
    shopper.order_when(order["id"], "paid")
    assert len(office.ledger(order["id"])) == 1


def test_an_order_is_acknowledged_while_stripe_is_slow_and_its_page_follows(
    system: System, office: AdminClient
) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1))
    office.fault(operation="checkout.sessions.create", fault="delay", count=3, delay_ms=6500)
    placed = shopper.place("slow-stripe")
    assert placed.status_code == 202
    assert placed.headers["location"] == f"/api/orders/{placed.json()['id']}"
    assert placed.json()["status"] == "pending"
    again = shopper.place("slow-stripe")
    assert (again.status_code, again.headers["idempotent-replayed"]) in ((202, "true"), (201, "true"))
    assert again.json()["id"] == placed.json()["id"]
    order = shopper.order_when(placed.json()["id"], "awaiting_payment", timeout_s=60)
    assert pay(order).status_code == 303
    shopper.order_when(order["id"], "paid")


def test_the_saga_closes_what_nobody_paid(system: System, office: AdminClient) -> None:
    product = office.product(stock=2)
    shopper = Shopper(system)
    shopper.add(product, 2)
    order = shopper.placed()
    in_orders(system, "update checkout.saga set next_run_at = now() where order_id = $1::text::uuid", order["id"])
    cancelled = shopper.order_when(order["id"], "cancelled")
    assert cancelled["payment"]["checkout_url"] is None
    assert office.available(product) == 2
    assert pay(order).status_code == 410
    again = shopper.http.post("/api/payments", json={"order_id": order["id"]}, headers={"Idempotency-Key": "late"})
    assert (again.status_code, again.json()["code"]) == (409, "order_not_payable")


def test_a_payment_nobody_told_us_of_is_found_when_the_saga_closes(system: System, office: AdminClient) -> None:
    product = office.product(stock=1)
    shopper = Shopper(system)
    shopper.add(product)
    order = shopper.placed()
    office.fault(operation="webhook", fault="drop", count=4)
    assert pay(order).status_code == 303
    in_orders(system, "update checkout.saga set next_run_at = now() where order_id = $1::text::uuid", order["id"])
    shopper.order_when(order["id"], "paid")
    until("the unit to be booked", lambda: office.stock(product)["on_hand"] == 0)
    assert len(office.ledger(order["id"])) == 1


def test_a_refund_that_stripe_failed_half_way_is_made_once(system: System, office: AdminClient) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1, price=1500))
    order = shopper.placed()
    pay(order)
    shopper.order_when(order["id"], "paid")
    office.fault(operation="refunds.create", fault="execute_then_500", count=1)
    office.http.post(f"/api/orders/{order['id']}/cancel").raise_for_status()
    shopper.order_when(order["id"], "refunded", timeout_s=60)
    assert [entry["amount"] for entry in office.ledger(order["id"], "refund")] == [1500]


def test_a_page_left_open_can_be_come_back_to(system: System, office: AdminClient) -> None:
    shopper = Shopper(system)
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    again = shopper.http.post("/api/payments", json={"order_id": order["id"]}, headers={"Idempotency-Key": "back"})
    assert again.status_code == 201
    assert again.json()["checkout_url"] == order["payment"]["checkout_url"]
    assert httpx.get(again.json()["checkout_url"]).status_code == 200
