"""The targets of load: a visitor's reads and a customer's flows, on one filled shop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import httpx

from tools.bench import closed_loop
from tools.bench.figures import Load
from tools.bench.flows import StockItem
from tools.bench.paths import VISITS
from tools.bench.products import generate_product
from tools.bench.shop import Shop
from tools.bench.wrk import Reads

#: In the order in which a target affects the next least: purchases leave emails and background work behind.
NAMES = (*VISITS, "cart", "purchase")
#: The number of different products that are bought.
ITEMS = 1_000
BUYERS_PER_CONNECTION = 2
PASSWORD = "a-long-passphrase-for-benchmarks"
#: Access tokens are valid for ten minutes.
TOKEN_LIFE_S = 300.0
#: Hashing passwords uses all cores.
SIGN_INS_AT_ONCE = 4


class Target(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def client(self) -> str:
        """The name of the load generator's process."""

    def run(self, seconds: float, turn: int) -> Load:
        """One run of load. Raises `LoadFailed`."""


class Flows:
    def __init__(
        self, flow: closed_loop.Flow, shop: Shop, items: list[StockItem], buyers: Callable[[], list[list[str]]]
    ) -> None:
        self.name: str = flow
        self.client = "closed_loop"
        self._flow = flow
        self._shop = shop
        self._items = items
        self._buyers = buyers

    def run(self, seconds: float, turn: int) -> Load:
        return closed_loop.run(closed_loop.Plan(self._shop.url, self._flow, seconds, self._items, self._buyers(), turn))


class Accounts:
    """Customers who register once and sign in again when their tokens expire."""

    def __init__(self, shop: Shop, connections: int) -> None:
        self._shop = shop
        self._emails = [f"buyer-{number}@example.com" for number in range(connections * BUYERS_PER_CONNECTION)]
        self._registered = False
        self._tokens: list[str] = []
        self._until = 0.0

    def tokens(self) -> list[list[str]]:
        """Access tokens by connection."""
        if time.monotonic() > self._until:
            with self._shop.client() as client, ThreadPoolExecutor(SIGN_INS_AT_ONCE) as pool:
                if not self._registered:
                    list(pool.map(lambda email: self._register(client, email), self._emails))
                    self._registered = True
                self._tokens = list(pool.map(lambda email: self._sign_in(client, email), self._emails))
            self._until = time.monotonic() + TOKEN_LIFE_S
        starts = range(0, len(self._tokens), BUYERS_PER_CONNECTION)
        return [self._tokens[start : start + BUYERS_PER_CONNECTION] for start in starts]

    def _register(self, client: httpx.Client, email: str) -> None:
        body = {"email": email, "password": PASSWORD, "name": "Ada Quill"}
        client.post("/api/auth/register", json=body).raise_for_status()

    def _sign_in(self, client: httpx.Client, email: str) -> str:
        answer = client.post("/api/auth/login", json={"email": email, "password": PASSWORD}).raise_for_status()
        token: str = answer.json()["access_token"]
        return token


def of(shop: Shop, size: int, names: Sequence[str], folder: Path, connections: int) -> list[Target]:
    """The named targets on a shop that is filled with `size` products."""
    found = items(size)
    accounts = Accounts(shop, connections)
    flows: list[Target] = [
        Flows("cart", shop, found, lambda: [[] for _ in range(connections)]),
        Flows("purchase", shop, found, accounts.tokens),
    ]
    with shop.client() as client:
        reads: list[Target] = [
            Reads(name, shop.url, visit.paths(client, size), folder, connections, accepts=visit.accepts)
            for name, visit in VISITS.items()
            if name in names
        ]
    return [*reads, *(flow for flow in flows if flow.name in names)]


def items(size: int) -> list[StockItem]:
    """Generated again, which is cheaper than reading them from the shop."""
    rng = random.Random(size)
    chosen = (generate_product(number) for number in rng.sample(range(size), min(ITEMS, size)))
    return [
        StockItem(str(one.id), str(variant_id))
        for one in chosen
        for variant_id, variant in one.variants[:1]
        if variant.stock > 0
    ]
