"""One of several instances goes bad: it freezes, fails, lies or slows down. Buyers buy on.

What is promised: every purchase ends paid. A read is never answered with an error, because it is sent to another
instance. A write, which the edge never sends twice, may go unanswered before the bad instance is known to be bad, and
is answered afterwards. Between services nothing is lost at all: what they repeat for each other is written for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.faults.impostor import Behaviour, Impostor, failing, joined, lying, slow
from tools.shop.shopper import ADDRESS, AdminClient, Shopper, pay, until
from tools.shop.system import System, running_system

BUYERS = 3
FROZEN = ("product", "cart", "order")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A shop of this module's own, with two of what is treated badly."""
    arguments = ["--replicas", ",".join(f"{name}=2" for name in FROZEN)]
    with running_system(tmp_path_factory.mktemp("replicas"), arguments=arguments) as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> AdminClient:
    return AdminClient(system)


@pytest.fixture(scope="module")
def shoppers(system: System) -> list[Shopper]:
    return [Shopper(system) for _ in range(BUYERS)]


class Counted:
    """Errors that buyers met, by what they did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reads: list[str] = []
        self.writes: list[str] = []

    def note(self, method: str, what: str) -> None:
        with self._lock:
            (self.reads if method == "GET" else self.writes).append(what)


class Buyer:
    """Reads once, for nothing may go wrong with that; writes under one key until there is an answer."""

    def __init__(self, shopper: Shopper, counted: Counted) -> None:
        self._shopper = shopper
        self._counted = counted

    def read(self, path: str) -> dict[str, Any]:
        answer = self._shopper.http.get(path, timeout=60.0)
        if answer.status_code != 200:
            self._counted.note("GET", f"{path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

    def write(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid4())}

        def attempt() -> httpx.Response | None:
            try:
                answer = self._shopper.http.post(path, json=body, headers=headers, timeout=5.0)
            except httpx.HTTPError as error:
                self._counted.note("POST", f"{path}: {error!r}")
                return None
            if answer.status_code >= 400:
                self._counted.note("POST", f"{path}: {answer.status_code} {answer.text[:300]}")
                return None
            return answer

        written: dict[str, Any] = until(f"an answer of {path}", attempt, 60.0).json()
        return written

    def buy(self, product: dict[str, Any]) -> str:
        for _ in range(5):
            assert self.read(f"/api/products/{product['id']}")["id"] == product["id"]
            self.read("/api/cart")
        self.write("/api/cart/items", {"product_id": product["id"], "quantity": 1})
        order_id: str = self.write("/api/orders", {"shipping_address": ADDRESS})["id"]
        order = self._when(order_id, "awaiting_payment")
        assert pay(order).status_code in (200, 303)
        self._when(order_id, "paid")
        return order_id

    def _when(self, order_id: str, status: str) -> dict[str, Any]:
        def ask() -> dict[str, Any] | None:
            order = self.read(f"/api/orders/{order_id}")
            return order if order.get("status") == status else None

        return until(f"order {order_id} to be {status}", ask, 90.0)


def all_buy(shoppers: list[Shopper], product: dict[str, Any]) -> tuple[list[str], Counted]:
    """Everybody buys once, all at the same time."""
    counted = Counted()
    with ThreadPoolExecutor(len(shoppers)) as pool:
        ends = [pool.submit(Buyer(shopper, counted).buy, product) for shopper in shoppers]
        return [end.result() for end in ends], counted


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        psutil.Process(pid).send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).send_signal(signal.SIGCONT)


def test_frozen_instances_cost_the_first_writes_and_no_read(
    system: System, office: AdminClient, shoppers: list[Shopper]
) -> None:
    product = office.product(stock=100)
    pids = [system.rows(name)[1]["pid"] for name in FROZEN]
    with frozen(pids):
        first, counted = all_buy(shoppers, product)
        assert counted.reads == []
        # Three frozen services; each buyer may meet each of them until it is known.
        assert len(counted.writes) <= 6 * BUYERS, counted.writes
        system.wait_for(
            "the registry to have noticed",
            lambda: "passing" not in {system.rows(name)[1]["health"] for name in FROZEN},
            60.0,
        )
        second, counted = all_buy(shoppers, product)
        assert counted.reads == []
        assert len(counted.writes) <= BUYERS, counted.writes
    system.wait_ready()
    bought = first + second
    assert len(set(bought)) == 2 * BUYERS
    for order_id in bought:
        assert len(office.ledger(order_id)) == 1


@pytest.mark.parametrize("behaviour", [lying, failing], ids=lambda one: str(one.__name__))
def test_an_instance_that_fails_at_its_work_is_rested_and_nobody_sees_an_error(
    system: System, office: AdminClient, shoppers: list[Shopper], behaviour: Behaviour
) -> None:
    product = office.product(stock=100)
    with joined(system, "product", behaviour) as impostor:
        meet(impostor, shoppers[0], product)
        bought, counted = all_buy(shoppers, product)
        until("it to be left alone", lambda: not_asked_by_many(impostor, shoppers[0], product), 60.0)
    assert (counted.reads, counted.writes) == ([], [])
    assert len(set(bought)) == BUYERS
    for order_id in bought:
        assert len(office.ledger(order_id)) == 1


def test_a_slow_instance_draws_less(system: System, office: AdminClient, shoppers: list[Shopper]) -> None:
    product = office.product(stock=100)
    with joined(system, "product", slow) as impostor:
        meet(impostor, shoppers[0], product)
        bought, counted = all_buy(shoppers, product)
        before, reads = len(impostor.asked), 120
        with ThreadPoolExecutor(6) as pool:
            buyers = [Buyer(shopper, counted) for shopper in shoppers]
            paths = [f"/api/products/{product['id']}"] * reads
            list(pool.map(lambda at: buyers[at % BUYERS].read(paths[at]), range(reads)))
        # A third would be its share if nobody looked.
        assert len(impostor.asked) - before < reads / 3
    assert (counted.reads, counted.writes) == ([], [])
    assert len(set(bought)) == BUYERS


def meet(impostor: Impostor, shopper: Shopper, product: dict[str, Any]) -> None:
    """Read until the impostor was asked; it is among those who are asked then."""
    counted = Counted()

    def ask() -> bool:
        Buyer(shopper, counted).read(f"/api/products/{product['id']}")
        return bool(impostor.asked)

    until("the impostor to be asked", ask, 60.0)
    assert counted.reads == []


def not_asked_by_many(impostor: Impostor, shopper: Shopper, product: dict[str, Any]) -> bool:
    before, counted = len(impostor.asked), Counted()
    for _ in range(30):
        Buyer(shopper, counted).read(f"/api/products/{product['id']}")
    assert counted.reads == []
    return len(impostor.asked) == before
