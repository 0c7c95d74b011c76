"""The product service as its callers see it: anybody, admins, and other services."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests import tokens
from tests.product.users import Users

Json = dict[str, Any]


class Shop:
    def __init__(self, http: httpx.AsyncClient, users: Users) -> None:
        self.http = http
        self.users = users
        self.admin = users.sign_in("admin")

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query or None, headers=headers)

    async def items(self, **query: Any) -> list[Json]:
        answer = await self.get("/api/products", **query)
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def names(self, **query: Any) -> list[str]:
        return [item["name"] for item in await self.items(**query)]

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers=self.admin | headers)

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.put(path, json=body, headers=self.admin | headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.patch(path, json=body, headers=self.admin | headers)

    async def create(self, **fields: Any) -> Json:
        answer = await self.post("/api/products", draft(**fields))
        assert answer.status_code == 201, answer.text
        product: Json = answer.json()
        return product

    async def stock(self, product: Json, delta: int, variant: int = 0, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"variant_id": product["variants"][variant]["id"], "delta": delta, "reason": "count"}
        return await self.post(f"/api/products/{product['id']}/stock", body, **headers)

    async def level(self, product: Json, variant: int = 0) -> tuple[int, int]:
        """(held, available), from the only place that is never stale."""
        (facts,) = (await self.internal("POST", "variants", {"variant_ids": [variant_id(product, variant)]})).json()[
            "items"
        ]
        answer = await self.stock(product, 1, variant)
        back = await self.stock(product, -1, variant)
        assert answer.status_code == back.status_code == 200
        assert facts["available"] in (0, back.json()["available"])
        return back.json()["held"], back.json()["available"]

    async def internal(self, method: str, path: str, body: Any = None, caller: str = "order") -> httpx.Response:
        headers = tokens.as_service(caller, "product")
        return await self.http.request(method, f"/internal/{path}", json=body, headers=headers)

    async def send(
        self, product: Json, file: bytes, *, alt: str | None = None, name: str = "a.png", **headers: str
    ) -> httpx.Response:
        """Upload a picture."""
        return await self.http.post(
            f"/api/products/{product['id']}/images",
            files={"file": (name, file)},
            data={} if alt is None else {"alt": alt},
            headers=self.admin | {key.replace("_", "-"): value for key, value in headers.items()},
        )

    async def add_image(self, product: Json, file: bytes, alt: str = "") -> Json:
        answer = await self.send(product, file, alt=alt)
        assert answer.status_code == 201, answer.text
        image: Json = answer.json()
        return image

    async def hold(self, hold_id: str, *lines: tuple[str, int]) -> httpx.Response:
        body = {"lines": [{"variant_id": variant, "quantity": quantity} for variant, quantity in lines]}
        return await self.internal("PUT", f"holds/{hold_id}", body)

    async def end(self, hold_id: str, how: str) -> httpx.Response:
        return await self.internal("POST", f"holds/{hold_id}/{how}")


def usd(amount: int) -> Json:
    return {"amount": amount, "currency": "USD"}


def shown(url: str, alt: str, image_id: str) -> Json:
    """A picture of which nothing is known but where it is."""
    return {"id": image_id, "url": url, "alt": alt, "width": None, "height": None, "sources": []}


def sku() -> str:
    return f"SKU-{uuid4().hex[:12]}"


def draft(**fields: Any) -> Json:
    """A product with one variant, or with the variants given."""
    body: Json = {"name": "Walnut desk"} | fields
    if "variants" not in body:
        body = {"sku": sku(), "price": usd(24900), "stock": 12} | body
    return body


def sized(*sizes: str, price: int = 1500, stock: int = 5) -> Json:
    """Fields of a product that comes in sizes."""
    return {
        "options": [{"name": "size", "values": list(sizes)}],
        "variants": [
            {"sku": sku(), "options": {"size": size}, "price": usd(price + at * 100), "stock": stock}
            for at, size in enumerate(sizes)
        ],
    }


def variant_id(product: Json, variant: int = 0) -> str:
    found: str = product["variants"][variant]["id"]
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    """(status, code) of a refusal, which has the standard's shape."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["code"]


def wrong_fields(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["field"] for error in answer.json()["errors"]}
