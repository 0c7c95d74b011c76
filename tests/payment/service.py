"""A running payment service with its callers: order, buyers, admins and Stripe, over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx

from serai.payment.deps import Deps
from tests import tokens
from tests.product.users import Users
from tests.sandbox.process import GOOD, Sandbox, card

Json = dict[str, Any]
T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T | None]], *, within_s: float = 60.0) -> T:
    """Call `look` until its result is truthy, and return that."""
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
    return found


def usd(amount: int) -> Json:
    return {"amount": amount, "currency": "USD"}


def account(captured: int, **totals: int) -> Json:
    """The account of a charge as events have it; totals that are not given are 0."""
    names = ("refund_pending", "refunded", "refund_failed", "disputed", "dispute_won", "dispute_lost")
    assert totals.keys() <= set(names)
    return {"currency": "USD", "captured": captured} | {name: totals.get(name, 0) for name in names}


def opening(amount: int = 5000, *, user_id: UUID | None = None, minutes: float = 45, **more: Any) -> Json:
    """The request that order sends to open a payment: two desks and shipping."""
    unit, shipping = divmod(amount, 2)
    lines = [{"name": "Walnut desk", "quantity": 2, "unit_price": usd(unit)}]
    if shipping:
        lines.append({"name": "Shipping", "quantity": 1, "unit_price": usd(shipping)})
    return {
        "number": "S-100042",
        "amount": usd(amount),
        "user_id": str(user_id or uuid4()),
        "email": "ada@example.com",
        "lines": lines,
        "payable_until": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(),
        **more,
    }


class Buyer:
    """A person with a session and an order to pay."""

    def __init__(self, service: PaymentService, order_id: UUID, user_id: UUID) -> None:
        self.service = service
        self.order_id = order_id
        self.user_id = user_id
        self.headers = service.users.sign_in("customer", user_id)
        self.payment: Json = {}

    async def post(self, path: str, body: Json | None = None, key: str | None = None) -> httpx.Response:
        headers = self.headers | ({"idempotency-key": key} if key else {})
        return await self.service.http.post(path, json=body, headers=headers)

    async def pay(self, number: str = GOOD, action: str = "pay") -> httpx.Response:
        """Press the button of the payment page."""
        return await self.service.press(self.payment["checkout_url"], number, action)

    async def confirm(self, method: str | None = None, key: str | None = None) -> httpx.Response:
        body = {"payment_method": method} if method else None
        return await self.post(f"/api/payments/{self.payment['id']}/confirm", body, key)

    async def again(self, key: str | None = None) -> httpx.Response:
        return await self.post("/api/payments", {"order_id": str(self.order_id)}, key or str(uuid4()))

    async def status(self) -> str:
        answer = await self.service.http.get(f"/api/payments/{self.payment['id']}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"])

    async def becomes(self, status: str) -> None:
        async def there() -> bool:
            return await self.status() == status

        await eventually(there)

    async def events(self) -> list[str]:
        return [event["type"] for event in await self.service.events(self.order_id)]

    async def close(self) -> str:
        answer = await self.service.internal("POST", f"{self.order_id}/close")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])

    async def charges(self) -> list[Json]:
        return [line for line in await self.ledger() if line["type"] == "charge"]

    async def ledger(self) -> list[Json]:
        """The charges and refunds of this order in Stripe's ledger."""
        return [line for line in await self.service.ledger() if line["metadata"].get("order_id") == str(self.order_id)]


class PaymentService:
    def __init__(self, url: str, users: Users, sandbox: Sandbox, deps: Deps, database_url: str) -> None:
        self.url = url
        self.users = users
        self.sandbox = sandbox
        self.deps = deps
        self.database_url = database_url
        self.admin = users.sign_in("admin")
        self.http = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        self.web = httpx.AsyncClient(timeout=60, trust_env=False)

    async def aclose(self) -> None:
        await self.http.aclose()
        await self.web.aclose()

    async def internal(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        headers = tokens.as_service("order", "payment")
        return await self.http.request(method, f"/internal/payments/{path}", json=body, headers=headers)

    async def open(self, order_id: UUID, body: Json) -> httpx.Response:
        return await self.internal("PUT", str(order_id), body)

    async def buyer(self, amount: int = 5000, *, paid: bool = False, number: str = GOOD, **more: Any) -> Buyer:
        """A buyer whose order awaits payment, or was paid."""
        buyer = Buyer(self, uuid4(), uuid4())
        answer = await self.open(buyer.order_id, opening(amount, user_id=buyer.user_id, **more))
        assert answer.status_code == 200, answer.text
        buyer.payment = answer.json()
        if paid:
            assert (await buyer.pay(number)).status_code == 303
            assert (await buyer.confirm()).json()["status"] == "succeeded"
        return buyer

    async def press(self, url: str, number: str = GOOD, action: str = "pay") -> httpx.Response:
        return await self.web.post(url, data=card(number, action))

    async def refund(self, payment_id: str, body: Json, key: str | None = None) -> httpx.Response:
        headers = self.admin | {"idempotency-key": key or str(uuid4())}
        return await self.http.post(f"/api/payments/{payment_id}/refund", json=body, headers=headers)

    async def fault(self, operation: str, fault: str, **more: int) -> None:
        answer = await self.web.post(
            f"{self.sandbox.api}/_faults", json={"operation": operation, "fault": fault, **more}
        )
        assert answer.status_code == 201, answer.text

    async def webhooks_to(self, url: str | None) -> None:
        assert (await self.web.post(f"{self.sandbox.api}/_webhook", json={"url": url})).is_success

    async def ledger(self) -> list[Json]:
        items: list[Json] = []
        after: int | None = 0
        while after is not None:
            page = (await self.web.get(f"{self.sandbox.api}/_ledger", params={"after": after, "limit": 1000})).json()
            items += page["items"]
            after = page["next_after"]
        return items

    async def events(self, subject: UUID) -> list[Json]:
        """The order's events in the feed's table, oldest first."""
        rows = await self.sql("select type, data from event where subject = $1 order by seq", str(subject))
        return [{"type": row["type"], **row["data"]} for row in rows]

    async def sql(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.deps.database.connection() as conn:
            return await conn.fetch(statement, *arguments)
