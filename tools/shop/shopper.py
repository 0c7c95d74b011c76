"""Clients for tests: a customer who fills a cart, orders and pays, and an admin."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from tools.shop.system import System

T = TypeVar("T")

ADDRESS = {
    "name": "Ada Quill",
    "line1": "1 Caravan Road",
    "city": "Samarkand",
    "postal_code": "140100",
    "country": "UZ",
}
CARD = "4242424242424242"
DECLINED = "4000000000000002"
THREE_D_SECURE = "4000002500003155"
PASSWORD = "a-long-passphrase-for-tests"


def until(what: str, ask: Callable[[], T | None], timeout_s: float = 60.0) -> T:
    """Poll until the result is truthy."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what} without success")
        time.sleep(0.05)


class Shopper:
    """A registered customer with a cart."""

    def __init__(self, system: System, email: str | None = None) -> None:
        self.system = system
        self.email = email or f"buyer-{uuid4().hex[:12]}@example.com"
        self.http = system.client()
        self._when_available("/api/auth/register", {"email": self.email, "password": PASSWORD, "name": "Ada Quill"})
        self.sign_in()

    def sign_in(self) -> None:
        answer = self._when_available("/api/auth/login", {"email": self.email, "password": PASSWORD})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _when_available(self, path: str, body: dict[str, str]) -> httpx.Response:
        """The response, retried after a 503 as any client would, because the shop may be restarting."""

        def ask() -> httpx.Response | None:
            answer = self.http.post(path, json=body)
            return None if answer.status_code == 503 else answer

        return until(f"an answer of {path}", ask).raise_for_status()

    def add(self, product: dict[str, Any], quantity: int = 1) -> httpx.Response:
        return self.http.post("/api/cart/items", json={"product_id": product["id"], "quantity": quantity})

    def cart(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/api/cart").raise_for_status().json()
        return found

    def place(self, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self.http.post("/api/orders", json={"shipping_address": ADDRESS, **more}, headers=headers)

    def placed(self, **more: Any) -> dict[str, Any]:
        """An order whose payment page is open."""
        answer = self.place(**more)
        assert answer.status_code in (201, 202), answer.text
        return self.order_when(answer.json()["id"], "awaiting_payment", "paid")

    def order(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/api/orders/{order_id}").raise_for_status().json()
        return found

    def order_when(self, order_id: str, *statuses: str, timeout_s: float = 60.0) -> dict[str, Any]:
        def ask() -> dict[str, Any] | None:
            try:
                order = self.order(order_id)
            except httpx.HTTPError:
                return None
            return order if order["status"] in statuses else None

        return until(f"order {order_id} to be {' or '.join(statuses)}", ask, timeout_s)

    def cancel(self, order_id: str) -> httpx.Response:
        return self.http.post(f"/api/orders/{order_id}/cancel")


def pay(order: dict[str, Any], card: str = CARD, action: str = "pay") -> httpx.Response:
    """Submit the form of the hosted page, without following the redirect."""
    form = {"number": card, "exp": "12 / 34", "cvc": "123", "name": "Ada Quill", "action": action}
    return httpx.post(order["payment"]["checkout_url"], data=form, timeout=60.0)


class AdminClient:
    """An admin of the shop, with access to the sandbox."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.http = system.signed_in("admin")
        self._sandbox = system.sandbox

    def product(self, stock: int, price: int = 2500, name: str = "Test lamp") -> dict[str, Any]:
        sku = f"T-{uuid4().hex[:12]}"
        body = {"name": f"{name} {sku}", "sku": sku, "price": {"amount": price, "currency": "USD"}, "stock": stock}
        made: dict[str, Any] = self.http.post("/api/products", json=body).raise_for_status().json()
        return made

    def reprice(self, product: dict[str, Any], price: int) -> None:
        body = {
            "name": product["name"],
            "sku": product["variants"][0]["sku"],
            "price": {"amount": price, "currency": "USD"},
        }
        self.http.put(f"/api/products/{product['id']}", json=body).raise_for_status()

    def stock(self, product: dict[str, Any]) -> dict[str, int]:
        """on_hand, held and available of a product with one variant, from the response of a stock adjustment (plus one,
        minus one)."""
        for delta in (1, -1):
            body = {"variant_id": product["variants"][0]["id"], "delta": delta, "reason": "count"}
            answer = self.http.post(f"/api/products/{product['id']}/stock", json=body).raise_for_status()
        found: dict[str, int] = answer.json()
        return found

    def available(self, product: dict[str, Any]) -> int:
        found = self.http.get(f"/api/products/{product['id']}").raise_for_status().json()
        available: int = found["variants"][0]["stock"]["available"]
        return available

    def mails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        query = {"to": to, "subject": subject, "limit": "100"}
        answer = httpx.get(f"{self._sandbox['mail']}/api/messages", params=query, timeout=60.0)
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items

    def ledger(self, order_id: str, kind: str = "charge") -> list[dict[str, Any]]:
        """The charges or refunds of an order according to Stripe's ledger."""
        entries: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            query = {"after": str(after), "limit": "1000"}
            page = httpx.get(f"{self._sandbox['stripe']}/_ledger", params=query, timeout=60.0).raise_for_status().json()
            entries += page["items"]
            after = page["next_after"]
        return [entry for entry in entries if entry["type"] == kind and entry["metadata"].get("order_id") == order_id]

    def fault(self, **fault: Any) -> None:
        httpx.post(f"{self._sandbox['stripe']}/_faults", json=fault, timeout=60.0).raise_for_status()

    def no_more_faults(self) -> None:
        httpx.delete(f"{self._sandbox['stripe']}/_faults", timeout=60.0).raise_for_status()
