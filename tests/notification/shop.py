"""The services that notification consumes feeds of: the real user service, and minimal order and payment services with
real feeds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from serai import topology
from serai.chassis.errors import NotFound
from serai.chassis.ids import parse_id
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from serai.commerce.address import Address
from serai.commerce.forms import LineOut
from serai.commerce.money import Money
from serai.contracts.order.client import OrderForMail
from serai.contracts.order.events import OrderEvent
from serai.contracts.order.fulfilment import Fulfilment, FulfilmentItem
from serai.contracts.order.orders import Order, OrderStatus
from serai.contracts.payment import REFUND_SUCCEEDED, RefundEvent
from serai.notification.app import create as create_notification
from serai.user.app import create as create_user
from tests import tokens
from tests.notification.harness import Inbox, make_known, served

PASSWORD = "a caravan at dusk"


class Orders:
    """The orders that the minimal order service answers."""

    def __init__(self) -> None:
        self.orders: dict[UUID, OrderForMail] = {}


@get("/internal/orders/{id:str}", policy="service", include_in_schema=False)
async def order_for_mail(id: FromPath[str], deps: NamedDependency[Orders]) -> OrderForMail:
    try:
        return deps.orders[parse_id(id)]
    except KeyError:
        raise NotFound from None


@dataclass
class Shop:
    notification: httpx.AsyncClient
    users: httpx.AsyncClient
    user_database: str
    notification_database: str
    order: Service
    payment: Service
    orders: Orders
    inbox: Inbox
    #: Headers of a signed-in admin.
    admin: dict[str, str] = field(default_factory=dict)

    async def register(self, email: str, name: str = "Ada Lovelace") -> None:
        answer = await self.users.post("/api/auth/register", json={"email": email, "password": PASSWORD, "name": name})
        assert answer.status_code == 201, answer.text

    async def sign_in(self, email: str) -> tuple[UUID, dict[str, str]]:
        """Returns the user's id and the headers of the session."""
        answer = await self.users.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return UUID(body["user"]["id"]), {"authorization": f"Bearer {body['access_token']}"}

    async def make_admin(self, email: str) -> None:
        conn = await asyncpg.connect(self.user_database)
        await conn.execute("update account set role = 'admin' where email = $1", email)
        await conn.close()

    def an_order(self, email: str, *, user_id: UUID | None = None, number: str | None = "S-100042") -> OrderForMail:
        order = an_order(email, number)
        kept = OrderForMail(user_id or uuid4(), order)
        self.orders.orders[order.id] = kept
        return kept

    async def publish(self, type_: str, kept: OrderForMail) -> UUID:
        """Publish an event of the order service. Returns its id."""
        told = OrderEvent(kept.order.id, kept.user_id, kept.order.number)
        async with self.order.database.transaction() as tx:
            event_id = await self.order.feed.append(tx, type_, kept.order.id, told)
        self.order.feed.nudge()
        return event_id

    async def publish_refund(self, kept: OrderForMail, amount: int, refunded: int, *, full: bool) -> UUID:
        told = RefundEvent(
            payment_id=uuid4(),
            refund_id=uuid4(),
            user_id=kept.user_id,
            amount=Money(amount, "USD"),
            refunded=Money(refunded, "USD"),
            full=full,
            restock=None,
        )
        async with self.payment.database.transaction() as tx:
            event_id = await self.payment.feed.append(tx, REFUND_SUCCEEDED, kept.order.id, told)
        self.payment.feed.nudge()
        return event_id


def an_order(email: str, number: str | None = "S-100042", status: OrderStatus = "paid") -> Order:
    now = datetime.now(UTC)
    desk = LineOut(
        line_id=uuid4(),
        product_id=uuid4(),
        variant_id=uuid4(),
        sku="DESK-120",
        name="Walnut <desk>",
        options={"width": "120 cm"},
        quantity=2,
        unit_price=Money(24900, "USD"),
        total=Money(49800, "USD"),
        discount=Money(0, "USD"),
        tax=Money(990, "USD"),
    )
    return Order(
        id=uuid4(),
        number=number,
        status=status,
        payment_status="paid",
        fulfilment_status="unfulfilled",
        items=[desk],
        subtotal=Money(49800, "USD"),
        discounts=[],
        shipping=Money(500, "USD"),
        shipping_method="standard",
        tax=Money(1000, "USD"),
        tax_lines=[],
        prices_include_tax=False,
        total=Money(51300, "USD"),
        refunded=Money(0, "USD"),
        email=email,
        note=None,
        fulfilments=[],
        failure=None,
        shipping_address=Address(
            name="Ada Lovelace", line1="12 St James's Square", city="London", postal_code="SW1Y 4LE", country="GB"
        ),
        billing_address=None,
        payment=None,
        history=[],
        created_at=now,
        updated_at=now,
    )


def shipped(kept: OrderForMail, tracking_number: str | None) -> OrderForMail:
    items = [FulfilmentItem(item.line_id or uuid4(), item.variant_id, item.quantity) for item in kept.order.items]
    parcel = Fulfilment(items, tracking_number, datetime.now(UTC))
    return msgspec.structs.replace(kept, order=msgspec.structs.replace(kept.order, fulfilments=[parcel]))


@asynccontextmanager
async def open_shop(database: Callable[[str], str], inbox: Inbox, home: Path) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        environ = {"SERAI_HOME": str(home)}
        user_database = database("user")
        user = create_user(tokens.environ("user", user_database, SERAI_JWT_KEYS=tokens.JWT_KEYS, **environ))
        orders = Orders()
        order = _producer("order", database("order"), orders, [order_for_mail])
        payment = _producer("payment", database("payment"), None, [])
        for service in (user, order, payment):
            port = await stack.enter_async_context(served(service.app()))
            make_known(home, "notification", service.name, port)
            if service is user:
                users = await stack.enter_async_context(client_of(port))
        notification_database = database("notification")
        notification = create_notification(
            tokens.environ("notification", notification_database, SMTP_URL=inbox.url, **environ)
        )
        client = await stack.enter_async_context(client_of(await stack.enter_async_context(served(notification.app()))))
        shop = Shop(client, users, user_database, notification_database, order, payment, orders, inbox)
        await shop.register("admin@example.com", "Grace Hopper")
        await shop.make_admin("admin@example.com")
        _, shop.admin = await shop.sign_in("admin@example.com")
        yield shop


def _producer(name: str, database_url: str, deps: object, handlers: list[Any]) -> Service:
    settings = load(Settings, tokens.environ(name, database_url))
    service = Service(topology.service(name), settings, callers=topology.callers_of(name))
    service.routes(deps, handlers, feed=True)
    return service


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
