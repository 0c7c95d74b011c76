"""`kill -9` of any process in the middle of purchases: it comes back, and every purchase ends paid or cleanly ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from tools.shop.shopper import AdminClient, Shopper, pay, until
from tools.shop.system import System, running_system

PROCESSES = [
    "order",
    "payment",
    "product",
    "cart",
    "user",
    "notification",
    "discovery",
    "gateway",
    "sandbox",
    "postgres",
    "monitoring",
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A shop of this module's own, because it is treated badly."""
    with running_system(tmp_path_factory.mktemp("crashes")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(system: System) -> AdminClient:
    return AdminClient(system)


def placed_somehow(shopper: Shopper, key: str) -> dict[str, Any]:
    """Place an order as an honest client does: the same key again until there is a definite answer."""

    def attempt() -> httpx.Response | None:
        try:
            answer = shopper.place(key)
        except httpx.HTTPError:
            return None
        again = answer.status_code >= 500 or answer.json().get("code") == "idempotency_in_progress"
        return None if again or answer.status_code in (401, 429) else answer

    answer = until("an answer to the checkout", attempt, 60.0)
    order: dict[str, Any] = answer.json()
    return order


def paid_somehow(order: dict[str, Any]) -> None:
    def attempt() -> bool:
        try:
            return pay(order).status_code in (200, 303)
        except httpx.HTTPError:
            return False

    until("the payment page to take the card", attempt, 30.0)


def back_again(system: System, name: str, old_pid: int) -> None:
    system.wait_for(f"{name} to be back", lambda: system.pid(name) != old_pid and system.is_ready(), 40.0)


@pytest.mark.parametrize("name", PROCESSES)
def test_kill_9_between_placing_and_paying(system: System, admin: AdminClient, name: str) -> None:
    product = admin.product(stock=2)
    shopper = Shopper(system)
    shopper.add(product)
    order = shopper.placed()
    pid = system.kill(name)
    paid_somehow(order)
    shopper.order_when(order["id"], "paid", timeout_s=60)
    back_again(system, name, pid)
    until("the confirmation", lambda: admin.mails(shopper.email, order["number"]), 60.0)
    until("the unit to be booked", lambda: admin.stock(product) | {"variant_id": ""} == _sold(1), 30.0)
    until("the cart to be empty", lambda: not shopper.cart()["items"])
    assert len(admin.ledger(order["id"])) == 1
    assert len({mail["message_id"] for mail in admin.mails(shopper.email, order["number"])}) == 1


def _sold(left: int) -> dict[str, Any]:
    return {"variant_id": "", "on_hand": left, "held": 0, "available": left}


@pytest.mark.parametrize("name", ["order", "payment", "product", "cart", "user", "sandbox", "postgres"])
def test_kill_9_while_buyers_check_out(system: System, admin: AdminClient, name: str) -> None:
    product = admin.product(stock=100)
    shoppers = [Shopper(system) for _ in range(8)]
    for shopper in shoppers:
        shopper.add(product)
    pid = system.pid(name)

    def buy(shopper: Shopper) -> str:
        order = placed_somehow(shopper, str(uuid4()))
        if "id" not in order:
            return str(order["code"])
        order = shopper.order_when(str(order["id"]), "awaiting_payment", "rejected", timeout_s=90)
        if order["status"] == "rejected":
            return "rejected"
        paid_somehow(order)
        shopper.order_when(order["id"], "paid", timeout_s=60)
        return str(order["id"])

    with ThreadPoolExecutor(8) as pool:
        ends = [pool.submit(buy, shopper) for shopper in shoppers]
        system.kill(name)
        results = [end.result() for end in ends]
    back_again(system, name, pid)
    bought = [result for result in results if len(result) == 36]
    assert len(bought) == len(shoppers), results
    until("the stock to add up", lambda: admin.stock(product) | {"variant_id": ""} == _sold(100 - len(bought)), 60.0)
    for order_id in bought:
        assert len(admin.ledger(order_id)) == 1


def test_a_frozen_order_service_that_wakes_up_writes_nothing_twice(system: System, admin: AdminClient) -> None:
    product = admin.product(stock=3)
    shopper = Shopper(system)
    shopper.add(product)
    order = shopper.placed()
    frozen = psutil.Process(system.pid("order"))
    frozen.send_signal(signal.SIGSTOP)
    try:
        paid_somehow(order)
    finally:
        frozen.send_signal(signal.SIGCONT)
    shopper.order_when(order["id"], "paid", timeout_s=60)
    assert len(admin.ledger(order["id"])) == 1


def test_everything_killed_and_started_again(system: System, admin: AdminClient) -> None:
    shopper = Shopper(system)
    product = admin.product(stock=2)
    shopper.add(product)
    order = shopper.placed()
    for process in system.processes():
        # Whose parent has been killed may be gone already.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert system.process is not None
    system.process.wait()
    system.start()
    system.wait_ready()
    paid_somehow(shopper.order(order["id"]))
    shopper.order_when(order["id"], "paid", timeout_s=60)
    assert len(admin.ledger(order["id"])) == 1
