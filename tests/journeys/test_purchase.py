"""Whole purchases through the gateway, from the catalogue to the confirmation mail, and the ways they end otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tools.shop.shopper import ADDRESS, CARD, DECLINED, THREE_D_SECURE, AdminClient, Shopper, pay, until
from tools.shop.system import System


@pytest.fixture(scope="module")
def office(system: System) -> AdminClient:
    return AdminClient(system)


@pytest.fixture
def shopper(system: System) -> Iterator[Shopper]:
    made = Shopper(system)
    yield made
    made.http.close()


def test_a_purchase_from_the_catalogue_to_the_mail(shopper: Shopper, office: AdminClient) -> None:
    found = shopper.http.get("/api/products?limit=50&in_stock=true").raise_for_status().json()["items"]
    product = next(one for one in found if one.get("default_variant_id") and office.available(one) > 1)
    before = office.available(product)
    cart = shopper.add(product, 2)
    assert cart.status_code == 200
    assert cart.json()["subtotal"]["amount"] == 2 * product["price"]["amount"]

    quote = shopper.http.post("/api/orders/quote", json={"shipping_address": ADDRESS}).raise_for_status().json()
    placed = shopper.place(expected_total=quote["total"])
    assert placed.status_code == 201
    assert placed.headers["location"] == f"/api/orders/{placed.json()['id']}"
    order = placed.json()
    assert order["status"] == "awaiting_payment"
    assert order["total"] == quote["total"]
    assert order["number"].startswith("S-")
    assert office.available(product) == before - 2

    leaving = pay(order)
    assert leaving.status_code == 303
    assert leaving.headers["location"].startswith(f"{shopper.system.url.replace('127.0.0.1', 'localhost')}/orders/")

    paid = shopper.order_when(order["id"], "paid")
    assert [entry["status"] for entry in paid["history"]] == ["pending", "awaiting_payment", "paid"]
    assert paid["payment"]["status"] == "succeeded"
    until("the cart to be empty", lambda: not shopper.cart()["items"])
    mail = until("the confirmation", lambda: office.mails(shopper.email, order["number"]))
    assert len(mail) == 1
    assert product["name"] in mail[0]["text"]
    assert product["name"] in mail[0]["html"]
    assert [charge["amount"] for charge in office.ledger(order["id"])] == [order["total"]["amount"]]


def test_what_was_added_while_paying_stays_in_the_cart(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=10)
    shopper.add(product, 2)
    order = shopper.placed()
    shopper.add(product, 3)
    pay(order)
    shopper.order_when(order["id"], "paid")
    until("the bought units to leave", lambda: [item["quantity"] for item in shopper.cart()["items"]] == [3])


def test_a_declined_card_can_be_followed_by_a_good_one(shopper: Shopper, office: AdminClient) -> None:
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    assert pay(order, DECLINED).status_code == 402
    assert shopper.order(order["id"])["status"] == "awaiting_payment"
    assert pay(order, CARD).status_code == 303
    shopper.order_when(order["id"], "paid")
    assert len(office.ledger(order["id"])) == 1


def test_three_d_secure(shopper: Shopper, office: AdminClient) -> None:
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    challenge = pay(order, THREE_D_SECURE)
    assert challenge.status_code in (200, 303)
    url = challenge.headers.get("location", order["payment"]["checkout_url"])
    approved = httpx.post(httpx.URL(order["payment"]["checkout_url"]).join(url), data={"action": "approve"})
    assert approved.status_code == 303
    shopper.order_when(order["id"], "paid")


def test_cancelling_gives_the_units_and_the_cart_back(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=3)
    shopper.add(product, 2)
    order = shopper.placed()
    assert office.available(product) == 1
    cancelled = shopper.cancel(order["id"])
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    assert office.available(product) == 3
    assert pay(order).status_code != 303
    assert office.ledger(order["id"]) == []
    assert [item["quantity"] for item in shopper.cart()["items"]] == [2]
    again = shopper.placed()
    assert again["id"] != order["id"]
    until("the cancellation mail", lambda: office.mails(shopper.email, order["number"]))


def test_an_empty_cart_is_refused_and_its_key_may_try_again(shopper: Shopper, office: AdminClient) -> None:
    refused = shopper.place("try-again")
    assert (refused.status_code, refused.json()["code"]) == (409, "cart_empty")
    shopper.add(office.product(stock=1))
    assert shopper.place("try-again").status_code == 201


def test_a_second_checkout_of_one_cart_names_the_first(shopper: Shopper, office: AdminClient) -> None:
    shopper.add(office.product(stock=5))
    order = shopper.placed()
    second = shopper.place()
    assert (second.status_code, second.json()["code"]) == (409, "checkout_in_progress")
    assert second.json()["order_id"] == order["id"]


def test_too_little_stock_names_the_lines(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=3)
    shopper.add(product, 3)
    other = Shopper(shopper.system)
    other.add(product, 2)
    other.placed()
    refused = shopper.place()
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    [item] = refused.json()["items"]
    assert (item["requested"], item["available"]) == (3, 1)
    assert office.stock(product) == {
        "variant_id": product["variants"][0]["id"],
        "on_hand": 3,
        "held": 2,
        "available": 1,
    }
    rejected = shopper.http.get("/api/orders?status=rejected").json()["items"]
    assert [order["failure"]["code"] for order in rejected] == ["out_of_stock"]
    assert rejected[0]["number"] is None
    assert shopper.http.get("/api/orders").json()["items"] == []


def test_another_total_than_the_one_shown_is_refused(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=1, price=2500)
    shopper.add(product)
    refused = shopper.place(expected_total={"amount": 2400, "currency": "USD"})
    assert (refused.status_code, refused.json()["code"]) == (409, "total_changed")
    assert refused.json()["total"] == {"amount": 2500, "currency": "USD"}
    assert office.available(product) == 1


def test_the_same_key_fifty_times_makes_one_order(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=60)
    shopper.add(product)
    key = str(uuid4())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: shopper.place(key), range(50)))
    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_progress"}
    ids = {answer.json()["id"] for answer in answers if answer.status_code != 409}
    assert len(ids) == 1
    replay = shopper.place(key)
    assert replay.headers["idempotent-replayed"] == "true"
    assert replay.json()["id"] in ids
    assert len(shopper.http.get("/api/orders").json()["items"]) == 1
    assert office.available(product) == 59
    other = shopper.http.post(
        "/api/orders",
        json={"shipping_address": {**ADDRESS, "city": "Bukhara"}},
        headers={"Idempotency-Key": key},
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_the_key_is_required(shopper: Shopper) -> None:
    answer = shopper.http.post("/api/orders", json={"shipping_address": ADDRESS})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


def test_ship_deliver_and_refund(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=5)
    shopper.add(product, 2)
    order = shopper.placed()
    early = office.http.put(f"/api/orders/{order['id']}", json={"status": "shipped"})
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
    pay(order)
    shopper.order_when(order["id"], "paid")

    def ship() -> httpx.Response | None:
        body = {"status": "shipped", "tracking_number": "TRACK-1"}
        answer = office.http.put(f"/api/orders/{order['id']}", json=body)
        return None if answer.status_code == 409 and answer.json()["code"] == "order_not_ready" else answer

    shipped = until("the order to be booked", ship)
    assert shipped.json()["fulfilments"][0]["tracking_number"] == "TRACK-1"
    until("the shipping mail", lambda: [m for m in office.mails(shopper.email) if "TRACK-1" in m["text"]])
    assert office.http.put(f"/api/orders/{order['id']}", json={"status": "delivered"}).json()["status"] == "delivered"

    part = office.http.post(
        f"/api/payments/{order['payment']['id']}/refund",
        json={"amount": {"amount": 1000, "currency": "USD"}, "reason": "scratch"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert part.status_code == 201
    until("the partial refund", lambda: shopper.order(order["id"])["refunded"]["amount"] == 1000)
    assert shopper.order(order["id"])["status"] == "delivered"
    rest = office.http.post(
        f"/api/payments/{order['payment']['id']}/refund", json={}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert rest.status_code == 201
    refunded = shopper.order_when(order["id"], "refunded")
    assert refunded["refunded"] == order["total"]
    assert sum(entry["amount"] for entry in office.ledger(order["id"], "refund")) == order["total"]["amount"]
    assert office.stock(product)["on_hand"] == 3


def test_an_admin_cancels_a_paid_order_and_the_units_return(shopper: Shopper, office: AdminClient) -> None:
    product = office.product(stock=5)
    shopper.add(product, 2)
    order = shopper.placed()
    pay(order)
    shopper.order_when(order["id"], "paid")
    refused = shopper.cancel(order["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
    cancelled = office.http.post(f"/api/orders/{order['id']}/cancel")
    assert cancelled.status_code in (200, 202)
    shopper.order_when(order["id"], "refunded")
    until("the units to return", lambda: office.stock(product)["available"] == 5)
    assert [entry["amount"] for entry in office.ledger(order["id"], "refund")] == [order["total"]["amount"]]
    until("the refund mail", lambda: [m for m in office.mails(shopper.email) if "refund" in m["subject"].lower()])


def test_foreign_orders_are_not_there(shopper: Shopper, office: AdminClient, system: System) -> None:
    shopper.add(office.product(stock=1))
    order = shopper.placed()
    stranger = Shopper(system)
    for answer in (
        stranger.http.get(f"/api/orders/{order['id']}"),
        stranger.cancel(order["id"]),
        stranger.http.get(f"/api/payments/{order['payment']['id']}"),
        stranger.http.get(f"/api/orders/{uuid4()}"),
        stranger.http.get("/api/orders/nonsense"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert stranger.http.get("/api/orders?all=true").status_code == 403
    assert office.http.get(f"/api/orders?all=true&q={order['number']}").json()["items"][0]["id"] == order["id"]


def test_a_guests_cart_follows_them_in(system: System, office: AdminClient) -> None:
    product = office.product(stock=5)
    guest = system.client()
    assert guest.post("/api/cart/items", json={"product_id": product["id"], "quantity": 2}).status_code == 200
    shopper = Shopper(system)
    for name, value in guest.cookies.items():
        shopper.http.cookies.set(name, value, domain="127.0.0.1")
    order = shopper.placed()
    assert [(item["product_id"], item["quantity"]) for item in order["items"]] == [(product["id"], 2)]
