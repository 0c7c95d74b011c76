"""People in the shop while it is restarted: they read, fill carts, look after their accounts, and buy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import aiohttp

from tools.rolling.client import Book, Client, Lost
from tools.shop.shopper import ADDRESS, CARD, PASSWORD

PLACED_WITHIN = 20
PAID_WITHIN_S = 60.0
END_WITHIN_S = 90.0
_ENDED = ("rejected", "cancelled")
#: More than anybody can buy meanwhile.
STOCK = 100_000


@dataclass(frozen=True, slots=True)
class Crowd:
    readers: int
    members: int
    buyers: int
    #: Between two requests of one person.
    pause_s: float


class Load:
    """Everybody at once, against all addresses of the shop, until `leave`."""

    def __init__(self, addresses: Sequence[str], crowd: Crowd, admin: dict[str, str]) -> None:
        self.book = Book()
        self._addresses = addresses
        self._crowd = crowd
        self._admin = admin
        self._over = asyncio.Event()
        self._numbers = itertools.count()
        self._clients: list[Client] = []
        self._product: dict[str, Any] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Load]:
        """The load runs inside the block; at its end everybody finishes what they have begun."""
        office = await self._signed_in("office", self._admin)
        self._product = await self._put_on_sale(office)
        people = [self._repeat(office, self._look_after_the_shop)]
        for _ in range(self._crowd.readers):
            people.append(self._repeat(self._client("reader"), self._read))
        for _ in range(self._crowd.members):
            client, login = await self._registered("member")
            people.append(self._repeat(client, partial(self._fill_a_cart, login)))
        for _ in range(self._crowd.buyers):
            people.append(self._repeat((await self._registered("buyer"))[0], self._buy))
        tasks = [asyncio.create_task(each) for each in people]
        try:
            yield self
            self._over.set()
            async with asyncio.timeout(END_WITHIN_S):
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for client in self._clients:
                await client.close()

    async def _repeat(self, client: Client, visit: Callable[[Client], Awaitable[None]]) -> None:
        while not self._over.is_set():
            try:
                await visit(client)
            except Lost:
                # Counted where it happened; the next visit begins anew.
                await self._pause()

    async def _read(self, client: Client) -> None:
        for path in ("/api/products?limit=20", f"/api/products/{self._product['id']}", "/api/categories", "/api/cart"):
            await client.ask("GET", path)
            await self._pause()

    async def _fill_a_cart(self, login: dict[str, str], client: Client) -> None:
        await self._sign_in(client, login)
        cart = await client.ask("POST", "/api/cart/items", {"product_id": self._product["id"], "quantity": 1})
        item = cart["items"][0]["id"]
        await self._pause()
        await client.ask("PUT", f"/api/cart/items/{item}", {"quantity": 3})
        await client.ask("GET", "/api/auth/me")
        await self._pause()
        await client.ask("POST", "/api/orders/quote", {"shipping_address": ADDRESS})
        await client.ask("GET", "/api/notifications/settings")
        await client.ask("DELETE", f"/api/cart/items/{item}")
        await self._pause()

    async def _look_after_the_shop(self, client: Client) -> None:
        for path in (
            "/api/monitoring/services",
            "/api/orders/stats",
            "/api/notifications?limit=5",
            "/api/users?limit=5",
        ):
            await client.ask("GET", path)
            await self._pause()

    async def _buy(self, client: Client) -> None:
        await client.ask("POST", "/api/cart/items", {"product_id": self._product["id"], "quantity": 1})
        await self._pause()
        order = await self._place(client)
        self.book.purchases["placed"] += 1
        order = await self._order_when(client, order["id"], "awaiting_payment")
        await self._pay(order["payment"]["checkout_url"])
        await self._order_when(client, order["id"], "paid")
        self.book.purchases["paid"] += 1

    async def _place(self, client: Client) -> dict[str, Any]:
        """What was lost is counted; the same order may be placed again under its key."""
        key = str(uuid4())
        for _ in range(PLACED_WITHIN):
            with suppress(Lost):
                order: dict[str, Any] = await client.ask("POST", "/api/orders", {"shipping_address": ADDRESS}, key=key)
                return order
            await self._pause()
        raise Lost

    async def _order_when(self, client: Client, order_id: str, status: str) -> dict[str, Any]:
        deadline = asyncio.get_running_loop().time() + PAID_WITHIN_S
        while True:
            # An answer that is lost is counted; the purchase goes on, as it does for people who look again.
            order: dict[str, Any] = {"status": "unknown"}
            with suppress(Lost):
                order = await client.ask("GET", f"/api/orders/{order_id}")
            if order["status"] == status:
                return order
            if order["status"] in _ENDED or asyncio.get_running_loop().time() > deadline:
                self.book.fail(client.who, f"order {order_id}", "the shop", f"{order['status']}, not {status}")
                raise Lost
            await asyncio.sleep(0.1)

    async def _pay(self, page: str) -> None:
        """On the sandbox's page, which nobody restarts."""
        form = {"number": CARD, "exp": "12 / 34", "cvc": "123", "name": "Ada Quill", "action": "pay"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.post(page, data=form, allow_redirects=False) as answer,
        ):
            assert answer.status in (200, 303), f"{page} answers {answer.status}"

    async def _put_on_sale(self, office: Client) -> dict[str, Any]:
        sku = f"R-{uuid4().hex[:12]}"
        price = {"amount": 2500, "currency": "USD"}
        made: dict[str, Any] = await office.ask(
            "POST", "/api/products", {"name": f"Rolling lamp {sku}", "sku": sku, "price": price, "stock": STOCK}
        )
        return made

    async def _registered(self, who: str) -> tuple[Client, dict[str, str]]:
        login = {"email": f"{who}-{uuid4().hex[:12]}@example.com", "password": PASSWORD}
        client = self._client(who)
        await client.ask("POST", "/api/auth/register", {**login, "name": "Ada Quill"})
        return await self._sign_in(client, login), login

    async def _signed_in(self, who: str, login: dict[str, str]) -> Client:
        return await self._sign_in(self._client(who), {name: login[name] for name in ("email", "password")})

    @staticmethod
    async def _sign_in(client: Client, login: dict[str, str]) -> Client:
        client.token = (await client.ask("POST", "/api/auth/login", login))["access_token"]
        return client

    def _client(self, who: str) -> Client:
        number = next(self._numbers)
        client = Client(f"{who} {number}", self._addresses, self.book, first=number)
        self._clients.append(client)
        return client

    async def _pause(self) -> None:
        await asyncio.sleep(self._crowd.pause_s)
