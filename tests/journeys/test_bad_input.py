"""What no client should send, over the running shop: the right refusal, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from serai import topology
from tests.security.credentials import bearer, token_of
from tests.security.operations import OPERATIONS, Operation
from tests.security.problems import problem
from tools.shop.shopper import ADDRESS, AdminClient, Shopper, pay, until
from tools.shop.system import System

MEBIBYTE = 1024 * 1024


class World(NamedTuple):
    office: AdminClient
    shopper: Shopper
    other: Shopper
    lamp: dict[str, Any]
    chair: dict[str, Any]


@pytest.fixture(scope="module")
def world(system: System) -> Iterator[World]:
    office = AdminClient(system)
    made = World(office, Shopper(system), Shopper(system), office.product(stock=50), office.product(stock=50))
    made.shopper.add(made.lamp, 2).raise_for_status()
    yield made
    for each in (made.office, made.shopper, made.other):
        each.http.close()


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """The shopper's cart, orders and account, and the lamp, stand afterwards as they stood before."""
    paths = ("/api/cart", "/api/orders", "/api/auth/me", f"/api/products/{world.lamp['id']}")
    before = [world.shopper.http.get(path).json() for path in paths]
    yield
    assert [world.shopper.http.get(path).json() for path in paths] == before


# Bodies that are not what they should be, on every route that takes one

TAKING_JSON = [
    one for one in OPERATIONS if "application/json" in one.described.get("requestBody", {}).get("content", {})
]
JSON = {"Content-Type": "application/json"}
BODIES: dict[str, tuple[dict[str, str], bytes, int, str]] = {
    "a lone brace": (JSON, b"{", 400, "malformed_json"),
    "invalid UTF-8": (JSON, b'{"note": "\xff"}', 400, "malformed_json"),
    "not a number": (JSON, b'{"quantity": NaN}', 400, "malformed_json"),
    "more than a number": (JSON, b'{"quantity": -Infinity}', 400, "malformed_json"),
    "a comment": (JSON, b'{"note": 1 /* one */}', 400, "malformed_json"),
    "two documents": (JSON, b"{}{}", 400, "malformed_json"),
    "nested too deeply": (JSON, b"[" * 5000 + b"]" * 5000, 400, "malformed_json"),
    "a key twice": (JSON, b'{"note": 1, "note": 1}', 422, "invalid"),
    "a NUL": (JSON, b'{"note": "a\\u0000b"}', 422, "invalid"),
    "a field we do not know": (JSON, b'{"a_surprise": 1}', 422, "invalid"),
    "a list": (JSON, b"[]", 422, "invalid"),
    "a string": (JSON, b'"{}"', 422, "invalid"),
    "text": ({"Content-Type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"quantity=1", 415, "unsupported_media_type"),
    "no type": ({}, b"{}", 415, "unsupported_media_type"),
    "too much": (JSON, b'{"note": "' + b"a" * MEBIBYTE + b'"}', 413, "too_large"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("operation", TAKING_JSON, ids=lambda operation: operation.label)
def test_refuses_a_body_that_is(world: World, operation: Operation, body: str) -> None:
    headers, raw, status, code = BODIES[body]
    caller = world.office if operation.needs else world.shopper
    answer = caller.http.request(
        operation.method,
        operation.path(str(uuid4())),
        content=raw,
        headers={**headers, "Idempotency-Key": str(uuid4())},
    )
    refusal = problem(answer, status, code)
    if status == 422:
        assert refusal["errors"] or "NUL" in refusal["detail"]


@pytest.mark.usefixtures("unchanged")
def test_refuses_half_a_surrogate_pair_wherever_text_may_stand(world: World) -> None:
    half = b'"\\ud800"'
    address = json.dumps(ADDRESS).encode()
    for caller, method, path, raw in (
        (world.shopper, "PATCH", "/api/auth/me", b'{"name": %s}' % half),
        (world.shopper, "POST", "/api/orders", b'{"shipping_address": %s, "note": %s}' % (address, half)),
        (world.office, "POST", "/api/notifications/email", b'{"to": "a@example.com", "data": {"x": %s}}' % half),
        (world.office, "POST", "/api/products", b'{"name": "Lamp", "attributes": {%s: "x"}}' % half),
    ):
        headers = {**JSON, "Idempotency-Key": str(uuid4())}
        problem(caller.http.request(method, path, content=raw, headers=headers), 400, "malformed_json")


# Queries

READING = [one for one in OPERATIONS if one.method == "get" and not one.described.get("x-stream")]
LISTING = [one for one in READING if "cursor" in [each["name"] for each in one.described.get("parameters", ())]]


@pytest.mark.parametrize("operation", READING, ids=lambda operation: operation.label)
@pytest.mark.parametrize("query", ["surprise=1", "surprise", "a%00b=1", "%F0%9F%92%A3=1", "limit=1&surprise=", "[]=1"])
def test_refuses_a_query_nobody_knows(world: World, operation: Operation, query: str) -> None:
    answer = world.office.http.get(f"{operation.path(str(uuid4()))}?{query}")
    assert problem(answer, 422, "invalid")["errors"]


@pytest.mark.parametrize("operation", LISTING, ids=lambda operation: operation.label)
def test_refuses_a_page_that_cannot_be(world: World, operation: Operation) -> None:
    path = operation.path(world.lamp["id"])
    for limit in ("0", "101", "-1", "1.5", "ten", "", "99999999999999999999", "NaN", "null"):
        assert problem(world.office.http.get(path, params={"limit": limit}), 422, "invalid")["errors"]
    assert problem(world.office.http.get(f"{path}?limit=1&limit=2"), 422, "invalid")["errors"]


@pytest.mark.parametrize("operation", LISTING, ids=lambda operation: operation.label)
def test_refuses_a_cursor_that_it_did_not_hand_out(world: World, operation: Operation) -> None:
    path = operation.path(world.lamp["id"])
    world.office.product(stock=1)
    foreign = world.office.http.get("/api/products?limit=1&sort=name").json()["next_cursor"]
    if operation.label != "GET /api/products":
        tampered = [foreign]
    else:
        # Of another sort, with an end cut off, with a letter changed.
        tampered = [foreign, foreign[:-3], ("A" if foreign[0] != "A" else "B") + foreign[1:]]
    for cursor in (*tampered, "", "nonsense", "e30", "bnVsbA", "W10", "!", "\u00e4", "A" * 1023, "A" * 5000, "a\x00b"):
        answer = world.office.http.get(path, params={"cursor": cursor})
        assert problem(answer, 422, "invalid")["errors"], cursor


@pytest.mark.parametrize(
    "query",
    [
        "min_price=-1",
        "max_price=1.5",
        "min_price=1e400",
        "max_price=99999999999999999999",
        "in_stock=perhaps",
        "in_stock=null",
        "sort=stock",
        "sort=price;drop",
        "status=null",
        "facets=2",
        "q=%00",
    ],
)
def test_refuses_a_filter_of_no_meaning(world: World, query: str) -> None:
    assert problem(world.office.http.get(f"/api/products?{query}"), 422, "invalid")["errors"]


@pytest.mark.parametrize("q", ["%", "'", '"', "\\", "a & | ! ( :*", "$$", "--", "😀", "\ufeff", "a" * 200, " ", "%_%"])
def test_any_words_may_be_looked_for(world: World, q: str) -> None:
    assert world.shopper.http.get("/api/products", params={"q": q}).status_code == 200
    assert world.office.http.get("/api/users", params={"q": q}).status_code == 200
    assert world.office.http.get("/api/orders", params={"q": q, "all": "true"}).status_code == 200


@pytest.mark.parametrize(
    "id", ["1", "nonsense", "00000000-0000-0000-0000-00000000000", "%27", "null", "a" * 1000, "🙂"]
)
@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one.template.endswith("{id}") and one.method in ("get", "delete")],
    ids=lambda operation: operation.label,
)
def test_an_id_that_is_none_is_not_there(world: World, operation: Operation, id: str) -> None:
    problem(world.office.http.request(operation.method, operation.path(id)), 404, "not_found")


# Numbers

QUANTITIES = [
    "0",
    "-1",
    "1000",
    "1000000000",
    "99999999999999999999",
    "1.5",
    "1.0",
    "1e0",
    '"2"',
    "true",
    "null",
    "[1]",
]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.usefixtures("unchanged")
def test_refuses_a_quantity_that_is_none(world: World, quantity: str) -> None:
    line = world.shopper.cart()["items"][0]["id"]
    added = b'{"product_id": "%s", "quantity": %s}' % (world.lamp["id"].encode(), quantity.encode())
    asked = [("POST", "/api/cart/items", added)]
    if quantity != "0":
        asked.append(("PUT", f"/api/cart/items/{line}", b'{"quantity": %s}' % quantity.encode()))
    for method, path, raw in asked:
        answer = world.shopper.http.request(method, path, content=raw, headers=JSON)
        assert [error["field"] for error in problem(answer, 422, "invalid")["errors"]] == ["quantity"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "amount", ["0", "-1", "2.5", "25.0", '"2500"', "true", "99999999999999999999", "9223372036854775807", "null"]
)
def test_refuses_a_price_that_is_none(world: World, amount: str) -> None:
    before = world.office.http.get(f"/api/products/{world.lamp['id']}").json()
    money = b'{"amount": %s, "currency": "USD"}' % amount.encode()
    product = b'{"name": "Free lamp", "sku": "FREE-%s", "stock": 1, "price": %s}'
    answer = world.office.http.post("/api/products", content=product % (uuid4().hex[:8].encode(), money), headers=JSON)
    # Whether a thing may cost nothing is the shop's to say; less than nothing it may not.
    if amount != "0":
        assert [error["field"] for error in problem(answer, 422)["errors"]] == ["price.amount"]
    order = b'{"shipping_address": %s, "expected_total": %s}' % (json.dumps(ADDRESS).encode(), money)
    placed = world.shopper.http.post("/api/orders", content=order, headers={**JSON, "Idempotency-Key": str(uuid4())})
    if amount not in ("0", "null"):
        problem(placed, 422)
    else:
        problem(placed)
    assert world.office.http.get(f"/api/products/{world.lamp['id']}").json() == before


@pytest.mark.parametrize("currency", ["EUR", "usd", "US", "XXX", "USDX", "", "U\u0000D", "ABC"])
@pytest.mark.usefixtures("unchanged")
def test_refuses_another_currency(world: World, currency: str) -> None:
    money = {"amount": 2500, "currency": currency}
    body = {"name": "Lamp", "sku": f"CUR-{uuid4().hex[:8]}", "stock": 1, "price": money}
    problem(world.office.http.post("/api/products", json=body), 422)
    problem(world.shopper.place(expected_total=money), 422)


@pytest.mark.parametrize("delta", ["0", "1.5", "10000000000", "-10000000000", '"1"', "true"])
@pytest.mark.usefixtures("unchanged")
def test_refuses_a_movement_of_stock_that_is_none(world: World, delta: str) -> None:
    raw = b'{"variant_id": "%s", "delta": %s, "reason": "count"}'
    raw %= (world.lamp["variants"][0]["id"].encode(), delta.encode())
    problem(world.office.http.post(f"/api/products/{world.lamp['id']}/stock", content=raw, headers=JSON), 422)


# What only we decide

FORGED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("POST", "/api/auth/register", {"email": "mallory@example.com", "password": "a-long-phrase-1", "name": "M"}, extra)
    for extra in ({"role": "admin"}, {"email_verified": True}, {"id": str(uuid4())}, {"disabled": False})
]
FORGED += [
    ("PATCH", "/api/auth/me", {"name": "Ada"}, extra)
    for extra in ({"role": "admin"}, {"email": "else@example.com"}, {"email_verified": True}, {"password": "x" * 12})
]
FORGED += [
    ("POST", "/api/cart/items", {"product_id": str(uuid4()), "quantity": 1}, extra)
    for extra in (
        {"price": {"amount": 1, "currency": "USD"}},
        {"unit_price": {"amount": 1, "currency": "USD"}},
        {"total": 1},
        {"discount": 100},
        {"user_id": str(uuid4())},
    )
]
FORGED += [
    ("POST", path, {"shipping_address": ADDRESS}, extra)
    for path in ("/api/orders", "/api/orders/quote")
    for extra in (
        {"total": {"amount": 1, "currency": "USD"}},
        {"subtotal": {"amount": 1, "currency": "USD"}},
        {"discounts": [{"amount": 100}]},
        {"status": "paid"},
        {"number": "S-1"},
        {"user_id": str(uuid4())},
        {"items": [{"quantity": 1}]},
        {"email": "else@example.com"},
        {"shipping_address": {**ADDRESS, "price": 0}},
    )
]
FORGED += [
    ("POST", "/api/payments", {"order_id": str(uuid4())}, extra)
    for extra in ({"amount": {"amount": 1, "currency": "USD"}}, {"status": "succeeded"}, {"number": "4242424242424242"})
]
FORGED += [("PUT", "/api/notifications/settings", {}, {"user_id": str(uuid4())})]


@pytest.mark.parametrize(
    ("method", "path", "body", "extra"), FORGED, ids=[f"{one[1]} {next(iter(one[3]))}" for one in FORGED]
)
@pytest.mark.usefixtures("unchanged")
def test_nobody_sets_what_only_we_decide(
    world: World, method: str, path: str, body: dict[str, Any], extra: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    answer = world.shopper.http.request(method, path, json={**body, **extra}, headers=headers)
    told = [error["field"] for error in problem(answer, 422, "invalid")["errors"]]
    assert any(field.split(".")[0] == next(iter(extra)) for field in told), told


@pytest.mark.parametrize("extra", ["id", "version", "created_at", "in_stock", "held"])
def test_an_admin_does_not_set_what_only_we_decide_either(world: World, extra: str) -> None:
    body = {"name": "Lamp", "sku": f"X-{uuid4().hex[:8]}", "stock": 1, "price": {"amount": 1, "currency": "USD"}}
    answer = world.office.http.post("/api/products", json={**body, extra: "1"})
    assert [error["field"] for error in problem(answer, 422, "invalid")["errors"]] == [extra]


@pytest.mark.usefixtures("unchanged")
def test_another_total_than_the_real_one_orders_nothing(world: World) -> None:
    for amount in (1, world.shopper.cart()["subtotal"]["amount"] + 1):
        problem(world.shopper.place(expected_total={"amount": amount, "currency": "USD"}), 409, "total_changed")


# Ids of others within one's own requests


@pytest.mark.usefixtures("unchanged")
def test_others_ids_open_nothing(world: World) -> None:
    world.other.add(world.chair).raise_for_status()
    theirs = world.other.placed()
    mine = world.shopper.http
    key = {"Idempotency-Key": str(uuid4())}
    problem(mine.post("/api/payments", json={"order_id": theirs["id"]}, headers=key), 404, "not_found")
    for body in ({}, {"payment_method": "pm_card_visa"}):
        problem(mine.post(f"/api/payments/{theirs['payment']['id']}/confirm", json=body), 404, "not_found")
    problem(mine.post(f"/api/orders/{theirs['id']}/cancel"), 404, "not_found")
    line = world.other.cart()["items"][0]["id"]
    problem(mine.put(f"/api/cart/items/{line}", json={"quantity": 9}), 404, "not_found")
    problem(mine.delete(f"/api/cart/items/{line}"), 404, "not_found")
    assert world.other.order(theirs["id"])["status"] == "awaiting_payment"
    assert [(item["id"], item["quantity"]) for item in world.other.cart()["items"]] == [(line, 1)]
    world.other.cancel(theirs["id"]).raise_for_status()


@pytest.mark.usefixtures("unchanged")
def test_a_variant_belongs_to_its_product(world: World) -> None:
    foreign = world.chair["variants"][0]["id"]
    chair = world.office.http.get(f"/api/products/{world.chair['id']}").json()
    mixed = {"product_id": world.lamp["id"], "variant_id": foreign, "quantity": 1}
    assert problem(world.shopper.http.post("/api/cart/items", json=mixed))["status"] in (404, 422)
    moved = {"variant_id": foreign, "delta": 5, "reason": "count"}
    stolen = world.office.http.post(f"/api/products/{world.lamp['id']}/stock", json=moved)
    assert problem(stolen)["status"] in (404, 422)
    variant = {"id": foreign, "sku": f"S-{uuid4().hex[:8]}", "price": {"amount": 1, "currency": "USD"}}
    body = {"name": world.lamp["name"], "variants": [variant]}
    assert problem(world.office.http.put(f"/api/products/{world.lamp['id']}", json=body))["status"] in (404, 422)
    assert world.office.http.get(f"/api/products/{world.chair['id']}").json() == chair


def test_one_s_key_says_nothing_of_another_s_order(world: World) -> None:
    key = str(uuid4())
    orders = []
    for each in (Shopper(world.office.system), Shopper(world.office.system)):
        each.add(world.chair).raise_for_status()
        placed = each.place(key)
        assert placed.status_code in (201, 202), placed.text
        assert "idempotent-replayed" not in placed.headers
        assert placed.json()["email"] == each.email
        orders.append(placed.json()["id"])
        each.order_when(orders[-1], "awaiting_payment")
        each.cancel(orders[-1]).raise_for_status()
        each.http.close()
    assert orders[0] != orders[1]


# Keys of requests


MONEY = [
    one
    for one in OPERATIONS
    for parameter in one.described.get("parameters", ())
    if parameter["name"] == "Idempotency-Key" and parameter["required"]
]


def test_where_money_moves_a_key_is_needed() -> None:
    assert {one.label for one in MONEY} == {
        "POST /api/orders",
        "POST /api/payments",
        "POST /api/payments/{id}/refund",
    }


@pytest.mark.parametrize("operation", MONEY, ids=lambda operation: operation.label)
@pytest.mark.usefixtures("unchanged")
def test_refuses_a_key_that_is_none(world: World, operation: Operation) -> None:
    caller = world.office if operation.needs else world.shopper
    bodies = {"/api/orders": {"shipping_address": ADDRESS}, "/api/payments": {"order_id": str(uuid4())}}
    body = bodies.get(operation.template, {})
    path = operation.path(str(uuid4()))
    for key in (b"", b"a" * 256, b"a\tb", "kä".encode(), b"\x7f"):
        answer = caller.http.post(path, json=body, headers=[(b"Idempotency-Key", key)])
        if answer.status_code == 400 and answer.json()["code"] == "bad_request":
            # The edge takes control characters for no header at all.
            continue
        assert problem(answer, 400)["code"] in ("idempotency_key_malformed", "idempotency_key_required"), key
    twice = [("Idempotency-Key", str(uuid4())), ("Idempotency-Key", str(uuid4()))]
    problem(caller.http.post(path, json=body, headers=twice), 400, "idempotency_key_malformed")
    problem(caller.http.post(path, json=body), 400, "idempotency_key_required")


# What must not be remembered


def test_no_secret_and_no_person_gets_into_a_log_or_a_metric(system: System, world: World) -> None:
    """Strings that stand for a password, tokens, an address and a mail: in no log of any process, in no metric."""
    mark = uuid4().hex[:10]
    password, wrong, bad = f"canary-pass-{mark}", f"canary-wrong-{mark}", f"canary-bearer-{mark}"
    email, street, name = f"canary-mail-{mark}@example.com", f"Canary Street {mark}", f"Canary Name {mark}"
    text = f"canary-text-{mark}"
    http = system.client()
    http.post("/api/auth/register", json={"email": email, "password": password, "name": name}).raise_for_status()
    assert http.post("/api/auth/login", json={"email": email, "password": wrong}).status_code == 401
    http.post("/api/auth/password/forgot", json={"email": email}).raise_for_status()
    welcome = until("the welcome", lambda: world.office.mails(email, "Welcome"))
    forgotten = until("the mail to reset with", lambda: world.office.mails(email, "Reset your password"))
    links = [mail["text"].partition("token=")[2][:43] for mail in (*welcome, *forgotten)]
    http.post("/api/auth/email/verify", json={"token": links[0]}).raise_for_status()
    signed = http.post("/api/auth/login", json={"email": email, "password": password}).raise_for_status()
    access = signed.json()["access_token"]
    refresh = next(iter(http.cookies.values()))
    http.headers.update(bearer(access))

    http.post("/api/cart/items", json={"product_id": world.chair["id"], "quantity": 1}).raise_for_status()
    address = {**ADDRESS, "name": name, "line1": street}
    key = f"canary-key-{mark}"
    body = {"shipping_address": address, "note": text}
    placed = http.post("/api/orders", json=body, headers={"Idempotency-Key": key}).raise_for_status().json()
    order = until(
        "the payment page",
        lambda: next(
            (o for o in [http.get(f"/api/orders/{placed['id']}").json()] if o["status"] == "awaiting_payment"), None
        ),
    )
    pay(order)
    until("the confirmation", lambda: world.office.mails(email, order["number"]))
    world.office.http.put(
        f"/api/orders/{order['id']}", json={"status": "shipped", "tracking_number": text}
    ).raise_for_status()
    mail = {"to": email, "subject": text, "text": text}
    world.office.http.post("/api/notifications/email", json=mail).raise_for_status()
    until("the mail", lambda: world.office.mails(email, text))

    # In every place where a careless log line would pick it up.
    sent = [
        http.get("/api/auth/me", headers=bearer(bad)),
        http.get("/api/products", params={"q": text}),
        http.get("/api/products", params={"cursor": text}),
        http.get("/api/products", params={text: "1"}),
        http.get(f"/api/products/{text}"),
        http.get(f"/api/{text}"),
        http.get("/api/notifications/unsubscribe", params={"token": bad}),
        http.post("/api/auth/login", content=f'{{"password": "{wrong}"'.encode(), headers=JSON),
        http.post("/api/auth/login", json={"email": email, "password": [wrong], wrong: wrong}),
        http.post("/api/auth/email/verify", json={"token": links[0]}),
        http.post("/api/auth/password/reset", json={"token": links[1], "password": "password"}),
        http.post("/api/auth/password/reset", json={"token": [links[1]], links[1]: wrong}),
        http.get("/api/auth/me", params={"token": links[1]}),
        http.get(f"/reset/{links[1]}", params={"token": links[1]}),
        http.post("/api/auth/register", json={"email": text, "password": wrong, "name": name}),
        http.post(
            "/api/orders", json={"shipping_address": {**address, "country": street}}, headers={"Idempotency-Key": key}
        ),
        http.post("/api/auth/refresh", headers={"Cookie": f"serai_refresh_{system.port}={bad}"}),
        http.post("/api/auth/logout"),
        http.get("/api/cart", headers={"X-Request-Id": f"{text} !", "User-Agent": text, "Referer": text}),
        http.post("/api/payments/webhooks/stripe", content=text.encode(), headers={"Stripe-Signature": bad}),
    ]
    assert all(answer.status_code < 500 for answer in sent)
    last = sent[-1].headers["x-request-id"]
    until("the gateway to have written its log", lambda: last in system.log("gateway"), timeout_s=30)

    secrets = {
        "password": password,
        "wrong password": wrong,
        "unknown token": bad,
        "access token": access.rpartition(".")[2],
        "refresh token": refresh,
        "link to verify": links[0],
        "link to reset": links[1],
        "mail address": email,
        "street": street,
        "name": name,
        "text": text,
        "card": "4242424242424242",
        "admin's token": token_of(world.office.http).rpartition(".")[2],
    }
    logs = {file.name: file.read_text(errors="replace") for file in (system.home / "logs").iterdir()}
    assert {f"{name}.log" for name in (*topology.BY_NAME, "gateway")} <= logs.keys()
    metrics = {
        f"metrics of {row['instance']}": httpx.get(f"http://{row['address']}/metrics").raise_for_status().text
        for row in system.status()["services"]
        if row["name"] in topology.BY_NAME
    }
    told = logs | metrics
    assert not [(what, where) for what, secret in secrets.items() for where, said in told.items() if secret in said]
