"""Clients of the cart service: a guest with a cookie, a customer with a token, and the order service."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx

from tests import tokens
from tests.product.shop import Json, variant_id

COOKIE = "serai_cart_8080"


class Visitor:
    def __init__(self, http: httpx.AsyncClient, user_id: UUID | None = None, cookie: str | None = None) -> None:
        self._http = http
        self.user_id = user_id
        self.cookie = cookie
        self._token = tokens.as_user(user_id) if user_id else {}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request, storing cookies as a browser does."""
        cookie = {"cookie": f"{COOKIE}={self.cookie}"} if self.cookie is not None else {}
        answer = await self._http.request(method, path, json=body, headers=self._token | cookie | headers)
        self._http.cookies.clear()
        if set_cookie := answer.headers.get("set-cookie"):
            name, _, rest = set_cookie.partition("=")
            assert name == COOKIE
            self.cookie = rest.partition(";")[0] or None
            if "Max-Age=0" in set_cookie:
                self.cookie = None
        return answer

    async def cart(self) -> Json:
        answer = await self.ask("GET", "/api/cart")
        assert answer.status_code == 200, answer.text
        cart: Json = answer.json()
        return cart

    async def add(
        self, product: Json, quantity: int = 1, variant: int | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        body = {"product_id": product["id"], "quantity": quantity}
        if variant is not None:
            body["variant_id"] = variant_id(product, variant)
        return await self.ask("POST", "/api/cart/items", body, **(headers or {}))

    async def set(self, item: str, quantity: int) -> httpx.Response:
        return await self.ask("PUT", f"/api/cart/items/{item}", {"quantity": quantity})

    async def remove(self, item: str) -> httpx.Response:
        return await self.ask("DELETE", f"/api/cart/items/{item}")

    async def quantities(self) -> dict[str, int]:
        """The quantities in the cart by variant."""
        return quantities(await self.cart())

    def signing_in(self, user_id: UUID) -> Visitor:
        """The same browser after signing in."""
        return Visitor(self._http, user_id, self.cookie)


class Checkout:
    """The order service's calls during a checkout."""

    def __init__(self, http: httpx.AsyncClient, user_id: UUID) -> None:
        self._http = http
        self._headers = tokens.as_service("order", "cart", user_id)

    async def current(self, guest: str | None = None) -> Json:
        answer = await self._http.post("/internal/carts/current", json={"guest": guest}, headers=self._headers)
        assert answer.status_code == 200, answer.text
        snapshot: Json = answer.json()
        return snapshot

    async def freeze(self, order_id: UUID, guest: str | None = None) -> httpx.Response:
        path = f"/internal/freezes/{order_id}"
        return await self._http.put(path, json={"guest": guest}, headers=self._headers)

    async def end(self, order_id: UUID, how: str) -> httpx.Response:
        path = f"/internal/freezes/{order_id}/{how}"
        return await self._http.post(path, headers=tokens.as_service("order", "cart"))


def quantities(cart: Json) -> dict[str, int]:
    return {item["variant_id"]: item["quantity"] for item in cart["items"]}


def bought(snapshot: Json) -> dict[str, int]:
    return {line["variant_id"]: line["quantity"] for line in snapshot["lines"]}


def somebody() -> UUID:
    return uuid4()
