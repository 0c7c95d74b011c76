"""The order service's checkout on a real database, with in-process callees and a buyer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import pytest

from serai.chassis.auth.principal import Principal
from serai.chassis.data.database import Connection, Database, DatabaseUnavailable
from serai.chassis.data.feed import Feed
from serai.chassis.data.idempotency import IdempotentRequest
from serai.commerce.address import AddressIn
from serai.commerce.money import Money
from serai.contracts.order.checkout import PlaceOrder
from serai.contracts.order.orders import Order
from serai.order.checkout import actions, store
from serai.order.checkout.actions import Placed
from serai.order.checkout.domain import RESTING, Saga, State
from serai.order.checkout.payment_facts import apply_payment_event
from serai.order.checkout.saga import CheckoutSaga
from serai.order.checkout.steps import Steps
from serai.order.deps import Deps
from serai.order.orders.actions import read_order_as_system
from serai.order.pricing import domain as pricing
from serai.permissions import ROLES
from tests.callees.cart import InProcessCart
from tests.callees.payment import InProcessPayment
from tests.callees.product import InProcessProduct, Variant

ADDRESS = AddressIn("Ada", "1 Caravan Road", "Samarkand", "140100", "UZ")
RULES = pricing.Rules(
    "USD",
    (pricing.ShippingMethod("standard", "Standard", 500), pricing.ShippingMethod("pickup", "Pick-up", 0)),
    (pricing.TaxRate("VAT", 100_000, "UZ"),),
)
#: A desk's price, and what two of them come to with standard shipping and Uzbek tax.
PRICE, TOTAL = 1000, 2750
#: The cookie of a guest's cart.
GUEST = "g" * 43


class CutDatabase(Database):
    """A database whose connection breaks on demand, before what is asked has begun or after it was committed, or for
    which something else happens just before."""

    def __init__(self, url: str) -> None:
        super().__init__(url, size=8)
        #: One for each connection that is asked for, in order.
        self.cuts: list[Literal["before", "after"] | Callable[[], Awaitable[None]] | None] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        cut = self.cuts.pop(0) if self.cuts else None
        if cut == "before":
            raise DatabaseUnavailable
        if callable(cut):
            await cut()
        async with super().connection() as conn:
            yield conn
        if cut == "after":
            raise DatabaseUnavailable


class Shop:
    """One process of the order service. `save_pause_s` is short, so that no test waits for a database that is away."""

    def __init__(self, db: Database, url: str) -> None:
        self.db = db
        self.feed = Feed("order", db)
        self.cart = InProcessCart()
        self.product = InProcessProduct()
        self.payment = InProcessPayment(lambda: datetime.now(UTC))
        self.cut = CutDatabase(url)
        self.checkout = self.checkout_on(db)
        self.deps = self.deps_of(self.checkout)
        self.user_id = uuid4()
        self.buyer = Principal(kind="user", id=str(self.user_id), user_id=self.user_id, email="ada@example.com")
        self.admin = Principal(kind="user", user_id=uuid4(), permissions=ROLES["admin"])
        self.desk = self.product.add(price=PRICE, stock=10)
        self._told = 0

    def checkout_on(self, db: Database, *, save_pause_s: float = 0.001) -> CheckoutSaga:
        steps = Steps(db, self.feed, RULES, self.cart, self.product, self.payment)
        return CheckoutSaga(db, self.feed, steps, save_pause_s=save_pause_s)

    def deps_of(
        self,
        checkout: CheckoutSaga,
        *,
        db: Database | None = None,
        patience_s: float = 5.0,
        refund_patience_s: float = 2.0,
    ) -> Deps:
        return Deps(
            db or self.db,
            self.feed,
            checkout,
            RULES,
            self.cart,
            self.product,
            "serai_cart",
            patience_s=patience_s,
            refund_patience_s=refund_patience_s,
        )

    # The buyer

    def fill_cart(self, quantity: int = 2, variant: Variant | None = None) -> None:
        one = variant or self.desk
        self.cart.put(self.user_id, one.product_id, one.id, quantity)

    def request(self, **fields: Any) -> PlaceOrder:
        return PlaceOrder(**{"shipping_address": ADDRESS, **fields})

    def idempotent_request(self, key: str | None = None, *parts: str) -> IdempotentRequest:
        return IdempotentRequest.of(f"user:{self.user_id}", key or uuid4().hex, *parts)

    async def place(
        self, key: str | None = None, *, deps: Deps | None = None, guest: str | None = None, **fields: Any
    ) -> Placed:
        request = self.request(**fields)
        idempotent_request = self.idempotent_request(key, repr(request))
        return await actions.place_order(deps or self.deps, self.buyer, request, guest, idempotent_request)

    async def accept(self, quantity: int = 2, *, guest: str | None = None, **context: Any) -> Saga:
        """An order just accepted, whose saga this process holds."""
        if quantity:
            self.fill_cart(quantity)
        request = self.request()
        saga = await actions._accept(self.deps, self.buyer, request, guest, self.idempotent_request())
        assert saga is not None
        if context:
            saga = replace(saga, context=replace(saga.context, **context))
        return saga

    # The saga

    async def drive(self, saga: Saga) -> Saga:
        driven = await self.checkout.drive(saga)
        assert driven is not None
        return driven

    async def awaiting_payment(self, quantity: int = 2) -> Saga:
        saga = await self.drive(await self.accept(quantity))
        assert saga.state is State.AWAITING_PAYMENT
        return saga

    async def paid(self, quantity: int = 2) -> Saga:
        """An order whose payment succeeded; its saga is held and stands where that left it."""
        saga = await self.awaiting_payment(quantity)
        self.payment.pay(saga.order_id)
        self.payment.settle(saga.order_id)
        await self.hear()
        return await self.claim(saga.order_id)

    async def done(self, quantity: int = 2) -> Saga:
        saga = await self.drive(await self.paid(quantity))
        assert saga.state is State.DONE
        return saga

    async def cancelling(self) -> Saga:
        """An order that its buyer has asked to cancel; its saga is held."""
        saga = await self.awaiting_payment()
        async with self.db.transaction() as tx:
            locked = await store.lock_saga(tx, saga.order_id)
            assert locked is not None
            return await store.interrupt_saga(tx, locked, locked.to(State.CANCELLING), lease=True)

    async def put(self, saga: Saga, state: State, **context: Any) -> Saga:
        """Set a saga to `state` whatever it was, as somebody else's work may have left it; it is held."""
        async with self.db.transaction() as tx:
            locked = await store.lock_saga(tx, saga.order_id)
            assert locked is not None
            changed = replace(locked, state=state, context=replace(locked.context, **context))
            return await store.interrupt_saga(tx, locked, changed, lease=True)

    async def saga(self, order_id: UUID) -> Saga:
        async with self.db.connection() as conn:
            found = await store.saga(conn, order_id)
        assert found is not None
        return found

    async def claim(self, order_id: UUID, *, waited_s: float = 0) -> Saga:
        """Take a saga over as a worker does once its time has come and its lease has ended. `waited_s` is how long it
        has stood in its state by then."""
        await self.make_due(order_id)
        await self.sql(
            "update checkout.saga set since = since - make_interval(secs => $2) where order_id = $1", order_id, waited_s
        )
        async with self.db.connection() as conn:
            claimed = await store.claim(conn, order_id)
        assert claimed is not None
        return claimed

    async def can_be_taken(self, order_id: UUID) -> bool:
        """Whether another worker would get the saga as it is; if so, it has it now."""
        async with self.db.connection() as conn:
            return await store.claim(conn, order_id) is not None

    async def make_due(self, order_id: UUID) -> None:
        await self.sql(
            "update checkout.saga set next_run_at = now(), lease_until = '-infinity' where order_id = $1",
            order_id,
        )

    async def take_next_number(self) -> None:
        """Give the number that comes next to an order of nobody's interest, so that no other can be saved with it."""
        saga = await self.accept(0)
        await self.sql(
            """update orders.orders set number =
                 (select 'S-' || case when is_called then last_value + 1 else last_value end from orders.number)
               where id = $1""",
            saga.order_id,
        )

    async def rest(self, order_id: UUID) -> Saga:
        """Drive a saga as workers would, each as soon as it is due, until nothing is left to do."""
        for _ in range(20):
            saga = await self.saga(order_id)
            if saga.state in RESTING and not saga.attempts:
                return saga
            await self.drive(await self.claim(order_id))
        raise AssertionError("the saga does not come to rest")

    # What others see

    async def hear(self) -> None:
        """Apply what payment has told since the last time, as the feed's reader does."""
        while self._told < len(self.payment.events):
            event = self.payment.events[self._told]
            self._told += 1
            async with self.db.transaction() as tx:
                await apply_payment_event(self.deps, tx, event)

    async def order(self, order_id: UUID) -> Order:
        return await read_order_as_system(self.deps, order_id)

    async def status(self, order_id: UUID) -> str:
        return (await self.order(order_id)).status

    async def history(self, order_id: UUID) -> list[str]:
        return [entry.status for entry in (await self.order(order_id)).history]

    async def events(self, order_id: UUID) -> list[tuple[str, str | None]]:
        """(type, order number) of each event told of the order."""
        rows = await self.sql("select type, data from event where subject = $1 order by seq", str(order_id))
        return [(row["type"], row["data"]["number"]) for row in rows]

    async def told(self, order_id: UUID) -> list[str]:
        return [type_ for type_, _ in await self.events(order_id)]

    async def steps(self, order_id: UUID) -> list[str]:
        rows = await self.sql("select state from checkout.step where order_id = $1 order by n", order_id)
        return [row["state"] for row in rows]

    async def key_is_free(self, saga: Saga) -> bool:
        return not await self.sql(
            "select 1 from idempotency_key where caller = $1 and key = $2", f"user:{self.user_id}", saga.context.key
        )

    def units(self) -> tuple[int, int, int]:
        """(available, held, sold) of the desk."""
        one = self.product.variant(self.desk.id)
        return one.available, one.held, one.sold

    async def sql(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.db.connection() as conn:
            return await conn.fetch(statement, *arguments)


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged for a person to look at."""
    return [record.alert for record in caplog.records if hasattr(record, "alert")]


def usd(amount: int) -> Money:
    return Money(amount, "USD")
