"""The flows of customers: fill a cart, and buy. Any unexpected response raises `LoadFailed`."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from tools.bench.connection import Answer, Connection
from tools.bench.figures import LoadFailed

#: Items that one guest adds to the cart before the next guest starts.
ADDS_PER_GUEST = 5
#: Poll interval while waiting for the payment: at first, and at most.
MIN_POLL_S, MAX_POLL_S = 0.05, 0.5
TIMEOUT_S = 30.0

_JSON = "Content-Type: application/json\r\n"
_FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
_CARD = b"number=4242424242424242&exp=12+%2F+34&cvc=123&name=Ada+Quill&action=pay"
_ORDER = msgspec.json.encode(
    {
        "shipping_address": {
            "name": "Ada Quill",
            "line1": "1 Caravan Road",
            "city": "Samarkand",
            "postal_code": "140100",
            "country": "UZ",
        }
    }
)

#: Called after each flow with its duration and the durations of its steps.
Done = Callable[[float, dict[str, float]], None]


class StockItem(msgspec.Struct, frozen=True):
    """A variant that is in stock."""

    product_id: str
    variant_id: str

    def line(self) -> bytes:
        return msgspec.json.encode({"product_id": self.product_id, "variant_id": self.variant_id, "quantity": 1})


class Buyers:
    """The customers of one connection. They buy in turns, so that a customer's last order is booked before the next
    one."""

    def __init__(self, gateway: Connection, tokens: list[str], items: list[StockItem], seed: int) -> None:
        self._gateway = gateway
        self._headers = itertools.cycle([f"Authorization: Bearer {token}\r\n" for token in tokens])
        self._items = _random_items(items, seed)
        self._pages: dict[str, Connection] = {}

    async def purchase(self, done: Done) -> None:
        """Wait for an empty cart, add, place the order, pay on the hosted page, wait for the status paid."""
        headers = next(self._headers)
        await self._empty_cart(headers)
        began = time.perf_counter()
        line = next(self._items).line()
        expect(await self._gateway.ask("POST", "/api/cart/items", headers + _JSON, line), 200)
        added = time.perf_counter()
        placing = f"{headers}{_JSON}Idempotency-Key: {uuid4()}\r\n"
        order = expect(await self._gateway.ask("POST", "/api/orders", placing, _ORDER), 201, 202).json()
        path = f"/api/orders/{order['id']}"
        if order["status"] == "pending":
            order = (await self._order_when("awaiting_payment", path, headers)).json()
        placed = time.perf_counter()
        await self._pay(order["payment"]["checkout_url"])
        paid = time.perf_counter()
        await self._order_when("paid", path, headers)
        seen = time.perf_counter()
        steps = {"add": added - began, "place": placed - added, "pay": paid - placed, "place to paid": seen - added}
        done(seen - began, steps)

    def close(self) -> None:
        for page in self._pages.values():
            page.close()

    async def _empty_cart(self, headers: str) -> None:
        await until(
            "the cart to be empty",
            lambda: self._gateway.ask("GET", "/api/cart", headers),
            lambda answer: not answer.json()["items"],
        )

    async def _order_when(self, status: str, path: str, headers: str) -> Answer:
        return await until(
            f"the order to be {status}",
            lambda: self._gateway.ask("GET", path, headers),
            lambda answer: answer.json()["status"] == status,
        )

    async def _pay(self, url: str) -> None:
        parts = urlsplit(url)
        page = self._pages.get(parts.netloc)
        if page is None:
            page = self._pages[parts.netloc] = Connection(parts.hostname or "", parts.port or 80)
        # The payment page redirects to the shop.
        expect(await page.ask("POST", parts.path, _FORM, _CARD), 303)


class Guests:
    """Visitors without an account, one after another, each with a new cart."""

    def __init__(self, gateway: Connection, items: list[StockItem], seed: int) -> None:
        self._gateway = gateway
        self._items = _random_items(items, seed)
        self._cookie = ""
        self._adds = 0

    async def add(self, done: Done) -> None:
        began = time.perf_counter()
        line = next(self._items).line()
        answer = expect(await self._gateway.ask("POST", "/api/cart/items", self._cookie + _JSON, line), 200)
        done(time.perf_counter() - began, {})
        self._adds += 1
        cookie = answer.header("set-cookie")
        if self._adds % ADDS_PER_GUEST == 0:
            self._cookie = ""
        elif cookie is not None:
            self._cookie = f"Cookie: {cookie.partition(';')[0]}\r\n"


async def until(what: str, ask: Callable[[], Awaitable[Answer]], condition: Callable[[Answer], bool]) -> Answer:
    """Poll with growing pauses until the condition holds. Raises `LoadFailed`."""
    deadline = time.monotonic() + TIMEOUT_S
    pause = MIN_POLL_S
    while True:
        answer = expect(await ask(), 200)
        if condition(answer):
            return answer
        if time.monotonic() > deadline:
            raise LoadFailed(f"waited {TIMEOUT_S:.0f} s for {what} without success: {answer.body[:500]!r}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, MAX_POLL_S)


def expect(answer: Answer, *statuses: int) -> Answer:
    if answer.status not in statuses:
        raise LoadFailed(f"answered {answer.status}: {answer.body[:500].decode(errors='replace')}")
    return answer


def _random_items(items: list[StockItem], seed: int) -> Iterator[StockItem]:
    rng = random.Random(seed)
    while True:
        yield rng.choice(items)
