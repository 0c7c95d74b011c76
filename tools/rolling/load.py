"""The load during a rolling restart: clients that read, change carts, read admin pages, and buy."""

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

from tools.rolling.client import Client, RequestFailed, Statistics
from tools.shop.shopper import ADDRESS, CARD, PASSWORD

PLACE_ATTEMPTS = 20
STATUS_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 90.0
_ENDED = ("rejected", "cancelled")
#: More than all clients can buy meanwhile.
STOCK = 100_000


@dataclass(frozen=True, slots=True)
class LoadProfile:
    readers: int
    members: int
    buyers: int
    #: Pause between two requests of one client.
    pause_s: float


class Load:
    """All clients in parallel, against all addresses of the shop."""

    def __init__(self, addresses: Sequence[str], profile: LoadProfile, admin: dict[str, str]) -> None:
        self.statistics = Statistics()
        self._addresses = addresses
        self._profile = profile
        self._admin = admin
        self._stopped = asyncio.Event()
        self._numbers = itertools.count()
        self._clients: list[Client] = []
        self._product: dict[str, Any] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Load]:
        """The load runs during the block. At its end every client finishes its current flow."""
        admin = await self._signed_in("admin", self._admin)
        self._product = await self._create_product(admin)
        people = [self._repeat(admin, self._read_admin_pages)]
        for _ in range(self._profile.readers):
            people.append(self._repeat(self._client("reader"), self._read))
        for _ in range(self._profile.members):
            client, login = await self._registered("member")
            people.append(self._repeat(client, partial(self._fill_a_cart, login)))
        for _ in range(self._profile.buyers):
            people.append(self._repeat((await self._registered("buyer"))[0], self._buy))
        tasks = [asyncio.create_task(each) for each in people]
        try:
            yield self
            self._stopped.set()
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for client in self._clients:
                await client.close()

    async def _repeat(self, client: Client, visit: Callable[[Client], Awaitable[None]]) -> None:
        while not self._stopped.is_set():
            try:
                await visit(client)
            except RequestFailed:
                # It has been counted; the client starts its next flow.
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

    async def _read_admin_pages(self, client: Client) -> None:
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
        self.statistics.purchases["placed"] += 1
        order = await self._order_when(client, order["id"], "awaiting_payment")
        await self._pay(order["payment"]["checkout_url"])
        await self._order_when(client, order["id"], "paid")
        self.statistics.purchases["paid"] += 1

    async def _place(self, client: Client) -> dict[str, Any]:
        """A failed request is counted. The order is then placed again with the same key."""
        key = str(uuid4())
        for _ in range(PLACE_ATTEMPTS):
            with suppress(RequestFailed):
                order: dict[str, Any] = await client.ask("POST", "/api/orders", {"shipping_address": ADDRESS}, key=key)
                return order
            await self._pause()
        raise RequestFailed

    async def _order_when(self, client: Client, order_id: str, status: str) -> dict[str, Any]:
        deadline = asyncio.get_running_loop().time() + STATUS_TIMEOUT_S
        while True:
            # A failed request is counted, and the purchase continues.
            order: dict[str, Any] = {"status": "unknown"}
            with suppress(RequestFailed):
                order = await client.ask("GET", f"/api/orders/{order_id}")
            if order["status"] == status:
                return order
            if order["status"] in _ENDED or asyncio.get_running_loop().time() > deadline:
                self.statistics.fail(client.who, f"order {order_id}", "the shop", f"{order['status']}, not {status}")
                raise RequestFailed
            await asyncio.sleep(0.1)

    async def _pay(self, page: str) -> None:
        """Pay on the sandbox's page; the sandbox is not restarted."""
        form = {"number": CARD, "exp": "12 / 34", "cvc": "123", "name": "Ada Quill", "action": "pay"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.post(page, data=form, allow_redirects=False) as answer,
        ):
            assert answer.status in (200, 303), f"{page} answers {answer.status}"

    async def _create_product(self, admin: Client) -> dict[str, Any]:
        sku = f"R-{uuid4().hex[:12]}"
        price = {"amount": 2500, "currency": "USD"}
        made: dict[str, Any] = await admin.ask(
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
        client = Client(f"{who} {number}", self._addresses, self.statistics, first=number)
        self._clients.append(client)
        return client

    async def _pause(self) -> None:
        await asyncio.sleep(self._profile.pause_s)
