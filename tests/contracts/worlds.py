"""A callee together with the people who change things around it, in this process and for real.

The client is what order holds; everything else is what customers, staff and Stripe do meanwhile.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

import msgspec

from serai.chassis.calls.client import Calls
from serai.commerce.money import Money
from serai.contracts.cart import CartClient
from serai.contracts.payment import Closed, OpenPayment, PaymentClient, PaymentLine, PaymentSummary
from serai.contracts.product.client import ProductClient
from serai.payment import actions
from tests.callees.cart import InProcessCart
from tests.callees.payment import InProcessPayment
from tests.callees.product import InProcessProduct
from tests.cart.conftest import Carts
from tests.payment.service import Buyer, PaymentService
from tests.product.shop import Json, Shop
from tests.product.shop import usd as usd_json


class Item(msgspec.Struct, frozen=True):
    """A product with one variant."""

    product_id: UUID
    variant_id: UUID


# Cart


class CartWorld(Protocol):
    client: CartClient

    async def item(self) -> Item:
        """Something that can be put into a cart, as often as one likes."""

    async def put(self, user_id: UUID, item: Item, quantity: int) -> None: ...

    async def put_as_guest(self, item: Item, quantity: int) -> str:
        """The new guest's cookie."""

    async def set(self, user_id: UUID, item: Item, quantity: int) -> None: ...

    async def quantities(self, user_id: UUID) -> dict[UUID, int]: ...


class InProcessCartWorld:
    def __init__(self) -> None:
        self.cart = InProcessCart()
        self.client: CartClient = self.cart

    async def item(self) -> Item:
        return Item(uuid4(), uuid4())

    async def put(self, user_id: UUID, item: Item, quantity: int) -> None:
        self.cart.put(user_id, item.product_id, item.variant_id, quantity)

    async def put_as_guest(self, item: Item, quantity: int) -> str:
        cookie = secrets.token_urlsafe(32)
        self.cart.put_as_guest(cookie, item.product_id, item.variant_id, quantity)
        return cookie

    async def set(self, user_id: UUID, item: Item, quantity: int) -> None:
        self.cart.set(user_id, item.variant_id, quantity)

    async def quantities(self, user_id: UUID) -> dict[UUID, int]:
        return self.cart.quantities(user_id)


class RealCartWorld:
    def __init__(self, calls: Calls, carts: Carts) -> None:
        self.client = CartClient(calls)
        self._carts = carts

    async def item(self) -> Item:
        return _item(await self._carts.product(stock=900))

    async def put(self, user_id: UUID, item: Item, quantity: int) -> None:
        await self._carts.customer(user_id).add({"id": str(item.product_id)}, quantity)

    async def put_as_guest(self, item: Item, quantity: int) -> str:
        guest = self._carts.guest()
        await guest.add({"id": str(item.product_id)}, quantity)
        assert guest.cookie is not None
        return guest.cookie

    async def set(self, user_id: UUID, item: Item, quantity: int) -> None:
        customer = self._carts.customer(user_id)
        lines = (await customer.cart())["items"]
        (line,) = [line["id"] for line in lines if line["variant_id"] == str(item.variant_id)]
        await customer.set(line, quantity)

    async def quantities(self, user_id: UUID) -> dict[UUID, int]:
        found = await self._carts.customer(user_id).quantities()
        return {UUID(variant): quantity for variant, quantity in found.items()}


# Product


class ProductWorld(Protocol):
    client: ProductClient

    async def item(self, *, stock: int, price: int = 1000) -> Item: ...

    async def units(self, item: Item) -> tuple[int, int]:
        """(available, held)."""

    async def set_price(self, item: Item, price: int) -> None: ...

    async def archive(self, item: Item) -> None: ...


class InProcessProductWorld:
    def __init__(self) -> None:
        self.product = InProcessProduct()
        self.client: ProductClient = self.product

    async def item(self, *, stock: int, price: int = 1000) -> Item:
        made = self.product.add(price=price, stock=stock)
        return Item(made.product_id, made.id)

    async def units(self, item: Item) -> tuple[int, int]:
        one = self.product.variant(item.variant_id)
        return one.available, one.held

    async def set_price(self, item: Item, price: int) -> None:
        self.product.set_price(item.variant_id, price)

    async def archive(self, item: Item) -> None:
        self.product.archive(item.variant_id)


class RealProductWorld:
    def __init__(self, calls: Calls, shop: Shop) -> None:
        self.client = ProductClient(calls)
        self._shop = shop
        self._products: dict[UUID, Json] = {}

    async def item(self, *, stock: int, price: int = 1000) -> Item:
        made = await self._shop.create(stock=stock, price=usd_json(price))
        item = _item(made)
        self._products[item.product_id] = made
        return item

    async def units(self, item: Item) -> tuple[int, int]:
        held, available = await self._shop.level(self._products[item.product_id])
        return available, held

    async def set_price(self, item: Item, price: int) -> None:
        await self._change(item, price=usd_json(price))

    async def archive(self, item: Item) -> None:
        await self._change(item, status="archived")

    async def _change(self, item: Item, **fields: object) -> None:
        known = self._products[item.product_id]
        (variant,) = known["variants"]
        body = {"name": known["name"], "sku": variant["sku"], "price": variant["price"], **fields}
        answer = await self._shop.put(f"/api/products/{item.product_id}", body)
        assert answer.status_code == 200, answer.text


# Payment


class PaymentWorld(Protocol):
    client: PaymentClient

    async def pay(self, order_id: UUID) -> bool:
        """The buyer pays on the page that the order's payment has now; whether it took the money."""

    async def settle(self, order_id: UUID) -> None:
        """The service learns from Stripe how the payment stands."""

    async def close_in_doubt(self, order_id: UUID) -> Closed:
        """Close it while Stripe does not say how it stands."""

    async def told(self, order_id: UUID) -> list[Json]:
        """`type` and data of every event about the order, in order."""


class InProcessPaymentWorld:
    def __init__(self) -> None:
        self.payment = InProcessPayment(lambda: datetime.now(UTC))
        self.client: PaymentClient = self.payment

    async def pay(self, order_id: UUID) -> bool:
        return self.payment.pay(order_id)

    async def settle(self, order_id: UUID) -> None:
        self.payment.settle(order_id)

    async def close_in_doubt(self, order_id: UUID) -> Closed:
        self.payment.stripe_decides = False
        closed = await self.payment.close(order_id)
        self.payment.stripe_decides = True
        return closed

    async def told(self, order_id: UUID) -> list[Json]:
        return [{"type": one.type, **one.data} for one in self.payment.events if one.subject == str(order_id)]


class _Bookmarking(PaymentClient):
    """Keeps the address of every page, as a buyer's browser does."""

    def __init__(self, calls: Calls, pages: dict[UUID, str]) -> None:
        super().__init__(calls)
        self._pages = pages

    async def open(self, order_id: UUID, asked: OpenPayment) -> PaymentSummary:
        facts = await super().open(order_id, asked)
        if facts.checkout_url is not None:
            self._pages[order_id] = facts.checkout_url
        return facts


class RealPaymentWorld:
    """No webhook reaches the service, so that it learns of a payment when a test says so."""

    def __init__(self, calls: Calls, service: PaymentService) -> None:
        self._pages: dict[UUID, str] = {}
        self.client: PaymentClient = _Bookmarking(calls, self._pages)
        self._service = service

    async def pay(self, order_id: UUID) -> bool:
        return (await self._service.press(self._pages[order_id])).status_code == 303

    async def settle(self, order_id: UUID) -> None:
        (row,) = await self._service.sql("select id, user_id from payment where order_id = $1", order_id)
        buyer = Buyer(self._service, order_id, row["user_id"])
        buyer.payment = {"id": str(row["id"])}
        assert (await buyer.confirm()).status_code == 200

    async def close_in_doubt(self, order_id: UUID) -> Closed:
        await self._service.fault("checkout.sessions.expire", "429", count=100)
        # By the replica that waits for Stripe for one second only.
        closed = await actions.close(self._service.deps, order_id)
        await self._service.web.delete(f"{self._service.sandbox.api}/_faults")
        return closed

    async def told(self, order_id: UUID) -> list[Json]:
        return await self._service.events(order_id)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def payment_of(amount: int = 5000, *, minutes: float = 45, **fields: object) -> OpenPayment:
    """What order asks for: two of something, and shipping for the odd cent."""
    unit, shipping = divmod(amount, 2)
    lines = [PaymentLine("Walnut desk", 2, usd(unit))] + [PaymentLine("Shipping", 1, usd(shipping))] * bool(shipping)
    asked = OpenPayment(
        "S-100042", usd(amount), uuid4(), "ada@example.com", lines, datetime.now(UTC) + timedelta(minutes=minutes)
    )
    return msgspec.structs.replace(asked, **fields)


def _item(product: Json) -> Item:
    return Item(UUID(product["id"]), UUID(product["variants"][0]["id"]))
