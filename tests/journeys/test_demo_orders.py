"""The past that a new demo shop is given: complete although its first start was killed half-way, and as real as any."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest

from serai.supervisor import ports
from tools.shop.shopper import AdminClient, until
from tools.shop.system import NO_LIMITS, System

pytestmark = pytest.mark.timeout(300)

Order = dict[str, Any]
#: Enough that a purchase is certainly under way when its shop dies.
HALF_WAY = 8


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A new shop that was killed while its orders were made, a cart of somebody who had paid not cleared yet; and
    started again."""
    system = System(
        tmp_path_factory.mktemp("demo") / "home", ports.find_free(), {**NO_LIMITS, "SERAI_DEMO_ORDERS": "on"}
    )
    try:
        system.start()
        cart = until("a cart service", lambda: [row["pid"] for row in system.rows("cart") if row["pid"]], 120.0)[0]
        until("half of the orders", lambda: count(system, "status <> 'rejected'") >= HALF_WAY, 120.0)
        until("a cart that is not cleared", lambda: stops_before_clearing(system, cart))
        processes = system.processes()
        assert system.process is not None
        system.process.send_signal(signal.SIGKILL)
        system.process.wait()
        psutil.wait_procs(processes, timeout=10.0)
        system.start()
        system.wait_ready(180.0)
        yield system
    finally:
        system.stop()


@pytest.fixture(scope="module")
def office(shop: System) -> AdminClient:
    return AdminClient(shop)


def stops_before_clearing(system: System, cart: int) -> bool:
    """Stop the cart service where somebody has paid for what is in a cart; if nobody has, let it go on."""
    os.kill(cart, signal.SIGSTOP)
    for _ in range(3):
        time.sleep(0.1)
        if count(system, "saga.state = 'paid'"):
            return True
    os.kill(cart, signal.SIGCONT)
    return False


def count(system: System, which: str) -> int:
    """How many orders are so, by the order service's database."""

    async def asked() -> int:
        conn = await asyncpg.connect(system.database("order"), timeout=10)
        try:
            statement = f"select count(*) from orders.orders join checkout.saga on order_id = id where {which}"
            return int(await conn.fetchval(statement))
        finally:
            await conn.close()

    return asyncio.run(asked())


def orders_of(http: httpx.Client, **query: str) -> list[Order]:
    answer = http.get("/api/orders", params={"all": "true", "limit": "100", **query})
    found: list[Order] = answer.raise_for_status().json()["items"]
    return found


def test_every_state_is_there_for_both_customers_and_nothing_twice(shop: System, office: AdminClient) -> None:
    orders = orders_of(office.http)
    assert Counter(order["status"] for order in orders) == {
        "delivered": 18,
        "paid": 2,
        "shipped": 2,
        "cancelled": 2,
        "refunded": 2,
    }
    assert sum(0 < order["refunded"]["amount"] < order["total"]["amount"] for order in orders) == 2
    assert [each["failure"]["code"] for each in orders_of(office.http, status="rejected")] == ["total_changed"]
    customers = {"ada@serai.example", "grace@serai.example"}
    for status in ("delivered", "paid", "shipped", "cancelled"):
        assert {order["email"] for order in orders if order["status"] == status} == customers
    with closing(shop.signed_in("customer")) as ada:
        assert ada.get("/api/cart").raise_for_status().json()["items"] == []


def test_they_lie_in_the_past_in_the_order_of_the_lists(office: AdminClient) -> None:
    now = datetime.now(UTC)
    orders = orders_of(office.http)
    placed = [datetime.fromisoformat(order["created_at"]) for order in orders]
    assert placed == sorted(placed, reverse=True)
    assert now - placed[0] > timedelta(hours=1)
    for order in orders:
        times = [order["created_at"], *(step["at"] for step in order["history"]), order["updated_at"]]
        moments = [datetime.fromisoformat(each) for each in times]
        assert moments == sorted(moments)
        assert moments[-1] < now
    stats = office.http.get("/api/orders/stats").raise_for_status().json()
    paid = [order for order in orders if order["status"] != "cancelled"]
    assert stats["orders"] == len(paid) == 24
    assert stats["revenue"]["amount"] == sum(order["total"]["amount"] for order in paid)
    assert stats["refunds"]["amount"] == sum(order["refunded"]["amount"] for order in orders)
    assert sum(day["orders"] > 0 for day in stats["items"]) > 15


def test_the_ledgers_agree(office: AdminClient) -> None:
    orders = orders_of(office.http)
    sold: Counter[tuple[str, str]] = Counter()
    for order in orders:
        charged = 0 if order["status"] == "cancelled" else order["total"]["amount"]
        assert sum(entry["amount"] for entry in office.ledger(order["id"])) == charged
        returned = sum(entry["amount"] for entry in office.ledger(order["id"], "refund"))
        assert returned == order["refunded"]["amount"]
        payment = office.http.get(f"/api/payments/{order['payment']['id']}").raise_for_status().json()
        assert (payment["amount"], payment["refunded"]) == (order["total"], order["refunded"])
        # What was refunded before it left is for sale again.
        if charged and not (order["status"] == "refunded" and not order["fulfilments"]):
            for item in order["items"]:
                sold[order["id"], item["variant_id"]] -= item["quantity"]
    booked: Counter[tuple[str, str]] = Counter()
    for product in {item["product_id"] for order in orders for item in order["items"]}:
        ledger = office.http.get(f"/api/products/{product}/stock", params={"limit": "100"}).raise_for_status().json()
        for line in ledger["items"]:
            if line["order_id"]:
                booked[line["order_id"], line["variant_id"]] += line["delta"]
    assert {key: count for key, count in booked.items() if count} == dict(sold)


def test_another_start_adds_nothing(shop: System) -> None:
    with closing(shop.signed_in("admin")) as http:
        before = [*orders_of(http), *orders_of(http, status="rejected")]
    shop.stop()
    told = len(shop.output.read_text())
    shop.start()
    shop.wait_ready()
    assert "demo orders" not in shop.output.read_text()[told:]
    # Neither does the command itself, which moves nothing twice either.
    done = subprocess.run(
        [sys.executable, "-m", "serai", "seed", "--orders"],
        env=shop.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "27 demo orders\n"), done.stderr
    with closing(shop.signed_in("admin")) as http:
        assert [*orders_of(http), *orders_of(http, status="rejected")] == before


def test_a_part_of_a_past_order_can_be_refunded(shop: System) -> None:
    office = AdminClient(shop)
    order = next(each for each in orders_of(office.http, status="delivered") if not each["refunded"]["amount"])
    amount = {"amount": 100, "currency": order["total"]["currency"]}
    path = f"/api/payments/{order['payment']['id']}/refund"
    made = office.http.post(path, json={"amount": amount}, headers={"Idempotency-Key": str(uuid4())})
    assert made.status_code == 201, made.text
    until(
        "the refund to be in the order",
        lambda: office.http.get(f"/api/orders/{order['id']}").raise_for_status().json()["refunded"] == amount,
    )
    assert [entry["amount"] for entry in office.ledger(order["id"], "refund")] == [100]
