"""What is put under load: the reads of a visitor and the flows of a buyer, on one filled shop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import httpx

from tools.bench import crowd
from tools.bench.figures import Load
from tools.bench.flows import Ware
from tools.bench.goods import good
from tools.bench.paths import VISITS
from tools.bench.shop import Shop
from tools.bench.wrk import Reads

#: In the order in which one disturbs the next least: purchases leave mails and bookkeeping behind.
NAMES = (*VISITS, "cart", "purchase")
#: So many different products are bought.
WARES = 1_000
BUYERS_PER_CONNECTION = 2
PASSWORD = "a-long-passphrase-for-benchmarks"
#: Access tokens live ten minutes.
TOKEN_LIFE_S = 300.0
#: Hashing passwords takes all cores anyway.
SIGN_INS_AT_ONCE = 4


class Target(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def client(self) -> str:
        """What the load's own process is called."""

    def run(self, seconds: float, turn: int) -> Load:
        """One run of load. Raises `LoadFailed`."""


class Flows:
    def __init__(self, flow: crowd.Flow, shop: Shop, wares: list[Ware], buyers: Callable[[], list[list[str]]]) -> None:
        self.name: str = flow
        self.client = "crowd"
        self._flow = flow
        self._shop = shop
        self._wares = wares
        self._buyers = buyers

    def run(self, seconds: float, turn: int) -> Load:
        return crowd.run(crowd.Orders(self._shop.url, self._flow, seconds, self._wares, self._buyers(), turn))


class Accounts:
    """Buyers who registered once, signed in as long as their tokens live."""

    def __init__(self, shop: Shop, connections: int) -> None:
        self._shop = shop
        self._emails = [f"buyer-{number}@example.com" for number in range(connections * BUYERS_PER_CONNECTION)]
        self._registered = False
        self._tokens: list[str] = []
        self._until = 0.0

    def tokens(self) -> list[list[str]]:
        """By connection."""
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
    found = wares(size)
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


def wares(size: int) -> list[Ware]:
    """The cheapest way to know them is to make them again."""
    chance = random.Random(size)
    chosen = (good(number) for number in chance.sample(range(size), min(WARES, size)))
    return [
        Ware(str(one.id), str(variant_id))
        for one in chosen
        for variant_id, draft in one.variants[:1]
        if draft.stock > 0
    ]
