"""Orders of an installation from before the nouns had schemas come across whole, and go back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from serai.chassis.data.database import Connection, Database
from serai.commerce.money import Money
from serai.contracts.order.orders import Order
from serai.order.checkout import store as checkout
from serai.order.checkout.domain import State
from serai.order.orders import store
from serai.supervisor import databases

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = {"name": "Ada", "line1": "1 Caravan Road", "city": "Samarkand", "postal_code": "140100", "country": "UZ"}
DESK, LAMP = uuid4(), uuid4()


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


ITEMS = [
    {"product_id": str(uuid4()), "variant_id": str(variant), "sku": sku, "name": name, "options": options}
    | {"quantity": quantity, "unit_price": usd(price), "total": usd(price * quantity)}
    for variant, sku, name, options, quantity, price in (
        (DESK, "DESK-120", "Walnut desk", {"width": "120 cm"}, 2, 24900),
        (LAMP, "LAMP", "Lamp", {}, 1, 3333),
    )
]
SUBTOTAL, SHIPPING = 2 * 24900 + 3333, 500
TAX_LINES = [
    {"name": "State", "basis_points": 700, "amount": usd(3754)},
    {"name": "City", "basis_points": 113, "amount": usd(606)},
]
TAX = 3754 + 606


async def insert_yesterdays_order(conn: Connection, status: str, **columns: Any) -> UUID:
    order_id = uuid4()
    values = {
        "id": order_id,
        "user_id": uuid4(),
        "email": "ada@example.com",
        "number": f"S-{order_id.hex[:6]}",
        "status": status,
        "currency": "USD",
        "items": ITEMS,
        "tax_lines": TAX_LINES,
        "subtotal": SUBTOTAL,
        "shipping": SHIPPING,
        "tax": TAX,
        "total": SUBTOTAL + SHIPPING + TAX,
        "shipping_method": "standard",
        "shipping_address": ADDRESS,
        "history": [{"status": "pending", "at": NOW.isoformat()}],
        "created_at": NOW,
        "updated_at": NOW,
    } | columns
    names = ", ".join(values)
    places = ", ".join(f"${at}" for at in range(1, len(values) + 1))
    await conn.execute(f"insert into orders ({names}) values ({places})", *values.values())
    await conn.execute(
        """insert into checkout (order_id, state, definition_version, context, lease_until, next_run_at)
           values ($1, 'done', 1, $2, '-infinity', 'infinity')""",
        order_id,
        {"user_id": str(values["user_id"]), "key": "k", "hold_id": str(order_id)},
    )
    await conn.execute("insert into checkout_step (order_id, state) values ($1, 'done')", order_id)
    return order_id


@pytest.fixture
async def yesterday(database: Callable[[str], str]) -> AsyncIterator[tuple[str, Connection]]:
    """A database as the release before left it."""
    url = database("order")
    await databases.dbmate("order", url, "rollback")
    db = Database(url, size=1)
    await db.open()
    async with db.connection() as conn:
        yield url, conn
    await db.close()


async def carried_across(url: str, conn: Connection, order_id: UUID) -> Order:
    await databases.dbmate("order", url, "migrate")
    found = await store.any_order(conn, order_id)
    assert found is not None
    return found.order


async def test_an_order_costs_what_it_cost_and_says_why(yesterday: tuple[str, Connection]) -> None:
    order = await carried_across(*yesterday, await insert_yesterdays_order(yesterday[1], "paid", paid_at=NOW))
    assert [(item.sku, item.name, item.options, item.quantity, item.unit_price.amount) for item in order.items] == [
        ("DESK-120", "Walnut desk", {"width": "120 cm"}, 2, 24900),
        ("LAMP", "Lamp", {}, 1, 3333),
    ]
    assert order.subtotal == Money(SUBTOTAL, "USD")
    assert order.shipping == Money(SHIPPING, "USD")
    assert order.tax == Money(TAX, "USD")
    assert order.total == Money(SUBTOTAL + SHIPPING + TAX, "USD")
    assert [(line.name, line.basis_points, line.amount.amount) for line in order.tax_lines] == [
        ("State", 700, 3754),
        ("City", 113, 606),
    ]
    assert (order.shipping_method, order.discounts, order.prices_include_tax) == ("standard", [], False)
    rows = await yesterday[1].fetch("select id, sku, quantity from orders.line order by n")
    assert [(row["id"], row["sku"], row["quantity"]) for row in rows] == [
        (item.line_id, item.sku, item.quantity) for item in order.items
    ]


@pytest.mark.parametrize(
    ("status", "columns", "payment_status"),
    [
        ("awaiting_payment", {}, "unpaid"),
        ("paid", {"paid_at": NOW}, "paid"),
        ("paid", {"paid_at": NOW, "refunded": 100}, "partially_refunded"),
        ("refunding", {"paid_at": NOW}, "paid"),
        ("refunded", {"paid_at": NOW, "refunded": SUBTOTAL + SHIPPING + TAX}, "refunded"),
        ("cancelled", {}, "unpaid"),
    ],
)
async def test_an_order_stands_where_it_stood_on_every_axis(
    yesterday: tuple[str, Connection], status: str, columns: dict[str, Any], payment_status: str
) -> None:
    order = await carried_across(*yesterday, await insert_yesterdays_order(yesterday[1], status, **columns))
    assert (order.status, order.payment_status, order.fulfilment_status) == (status, payment_status, "unfulfilled")


async def test_a_shipment_names_the_lines_that_it_carried(yesterday: tuple[str, Connection]) -> None:
    shipment = {
        "items": [{"variant_id": str(DESK), "quantity": 2}, {"variant_id": str(LAMP), "quantity": 1}],
        "tracking_number": "T-1",
        "shipped_at": NOW.isoformat(),
    }
    order_id = await insert_yesterdays_order(yesterday[1], "shipped", paid_at=NOW, fulfilments=[shipment])
    order = await carried_across(*yesterday, order_id)
    [parcel] = order.fulfilments
    assert (order.fulfilment_status, parcel.tracking_number, parcel.shipped_at) == ("fulfilled", "T-1", NOW)
    assert [(item.line_id, item.variant_id, item.quantity) for item in parcel.items] == [
        (order.items[0].line_id, DESK, 2),
        (order.items[1].line_id, LAMP, 1),
    ]


async def test_an_order_that_is_not_priced_yet_and_its_checkout_come_across(
    yesterday: tuple[str, Connection],
) -> None:
    url, conn = yesterday
    unpriced = dict.fromkeys(("number", "subtotal", "shipping", "tax", "total", "shipping_method"))
    order_id = await insert_yesterdays_order(conn, "pending", items=[], tax_lines=[], **unpriced)
    order = await carried_across(url, conn, order_id)
    assert (order.items, order.total, order.refunded) == ([], None, None)
    saga = await checkout.saga(conn, order_id)
    assert saga is not None
    assert (saga.state, saga.context.hold_id) == (State.DONE, str(order_id))


async def test_an_order_goes_back_as_it_came(yesterday: tuple[str, Connection]) -> None:
    url, conn = yesterday
    shipment = {
        "items": [{"variant_id": str(DESK), "quantity": 2}],
        "tracking_number": None,
        "shipped_at": "2026-03-01T12:00:00.000000Z",
    }
    await insert_yesterdays_order(conn, "shipped", paid_at=NOW, fulfilments=[shipment], note="Ring twice")
    before = await whole(conn)
    await databases.dbmate("order", url, "migrate")
    await databases.dbmate("order", url, "rollback")
    assert await whole(conn) == before


async def whole(conn: Connection) -> list[Any]:
    rows = await conn.fetch(
        "select to_jsonb(o) as o, to_jsonb(c) as c from orders o join checkout c on order_id = o.id"
    )
    return [[row["o"], row["c"]] for row in rows]
