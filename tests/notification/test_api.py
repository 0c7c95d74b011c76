"""The public routes, over HTTP, with the real user service behind the session check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from serai.chassis.auth.tokens import KeySet
from serai.chassis.auth.verifier import Verifier
from serai.notification.app import create
from tests import tokens
from tests.notification.harness import Inbox, eventually, served, unique_address
from tests.notification.shop import Shop, client_of

MESSAGE = {"subject": "About your order", "text": "First line\nsecond\n\nRegards"}


async def status_of(shop: Shop, email_id: str) -> str:
    answer = await shop.notification.get(f"/api/notifications/{email_id}", headers=shop.admin)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


async def until(shop: Shop, email_id: str, status: str) -> None:
    async def is_so() -> bool:
        return await status_of(shop, email_id) == status

    await eventually(is_so)


async def ask(shop: Shop, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return await shop.notification.post("/api/notifications/email", json=body, headers=shop.admin | (headers or {}))


async def test_an_admin_writes_to_somebody(shop: Shop) -> None:
    to = unique_address()
    accepted = await ask(shop, {"to": to, **MESSAGE})
    assert accepted.status_code == 202, accepted.text
    assert accepted.json() == {"id": accepted.json()["id"], "status": "queued"}
    mail = await shop.inbox.one(to)
    assert mail["subject"] == "About your order"
    assert "First line\nsecond\n\nRegards" in mail["text"].replace("\r\n", "\n")
    assert "First line<br />second" in mail["html"]

    own_html = unique_address()
    await ask(shop, {"to": own_html, **MESSAGE, "html": "<p>As it is.</p>"})
    assert (await shop.inbox.one(own_html))["html"].strip() == "<p>As it is.</p>"


async def test_an_admin_sends_a_template(shop: Shop) -> None:
    to = unique_address()
    data = {"order_id": str(uuid4()), "number": "S-7"}
    assert (await ask(shop, {"to": to, "template": "cancelled", "data": data})).status_code == 202
    assert "S-7" in (await shop.inbox.one(to))["subject"]


async def test_a_service_that_may_call_us_writes_to_somebody(database: Callable[[str], str], inbox: Inbox) -> None:
    environ = tokens.environ("notification", database("notification"), SMTP_URL=inbox.url)
    service = create(environ)
    # No service may do so according to the topology yet.
    service.verifier = Verifier(
        "notification",
        keys=KeySet(tokens.JWKS),
        service_keys=service.settings.service_keys,
        callers=frozenset({"user"}),
        session=None,
        roles={},
    )
    async with served(service.app()) as port, client_of(port) as client:
        to, key = unique_address(), {"idempotency-key": "once"}
        user, order = (tokens.as_service(name, "notification") for name in ("user", "order"))
        for _ in range(2):
            # A newer caller may send a field that this version does not know.
            body = {"to": to, **MESSAGE, "priority": "high"}
            accepted = await client.post("/internal/email", json=body, headers=user | key)
            assert accepted.status_code == 202, accepted.text
        assert (await client.post("/internal/email", json={"to": to, **MESSAGE}, headers=order)).status_code == 401
        await inbox.one(to)
        assert len(inbox.emails(to)) == 1


async def test_a_customer_and_a_stranger_may_not(shop: Shop) -> None:
    to = unique_address()
    customer = tokens.as_user(uuid4())
    for headers, status in ((customer, 401), ({}, 401), (tokens.as_service("order", "notification"), 401)):
        answer = await shop.notification.post("/api/notifications/email", json={"to": to, **MESSAGE}, headers=headers)
        assert answer.status_code == status, answer.text
    await shop.register(email := unique_address())
    _, signed_in = await shop.sign_in(email)
    for method, path in (
        ("POST", "/api/notifications/email"),
        ("GET", "/api/notifications"),
        ("GET", f"/api/notifications/{uuid4()}"),
        ("POST", f"/api/notifications/{uuid4()}/resend"),
    ):
        answer = await shop.notification.request(method, path, headers=signed_in)
        assert answer.status_code == 403, (method, path)
    assert not shop.inbox.emails(to)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"to": "a@b.example", "template": "cancelled", "data": {"number": 1e400}}',
        b'{"to": "a@b.example", "subject": "\\ud800", "text": "x"}',
        b'{"to": "a@b.example", "subject": "x", "text": "\xff"}',
    ],
)
async def test_refuses_what_is_no_json(shop: Shop, raw: bytes) -> None:
    headers = shop.admin | {"content-type": "application/json"}
    answer = await shop.notification.post("/api/notifications/email", content=raw, headers=headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"to"}),
        ({"to": "nobody", **MESSAGE}, {"to"}),
        ({"to": "a@b.example\nBcc: c@d.example", **MESSAGE}, {"to"}),
        ({"to": "a@b.example\n", **MESSAGE}, {"to"}),
        ({"to": "a..b@b.example", **MESSAGE}, {"to"}),
        ({"to": "a@b.example"}, {"subject", "text"}),
        ({"to": "a@b.example", "subject": "Hi\r\nBcc: c@d.example", "text": "x"}, {"subject"}),
        ({"to": "a@b.example", "subject": "Hi\n", "text": "x"}, {"subject"}),
        ({"to": "a@b.example", "subject": "Hi\u2028there", "text": "x"}, {"subject"}),
        ({"to": "a@b.example", "subject": "Hi", "text": ""}, {"text"}),
        ({"to": "a@b.example", **MESSAGE, "cc": "c@d.example"}, {"cc"}),
        ({"to": "a@b.example", **MESSAGE, "data": {}}, {"data"}),
        ({"to": "a@b.example", "template": "nosuch", "data": {}}, {"template"}),
        ({"to": "a@b.example", "template": "../layout", "data": {}}, {"template"}),
        ({"to": "a@b.example", "template": "cancelled"}, {"data"}),
        ({"to": "a@b.example", "template": "cancelled", "data": {}}, {"data.order_id", "data.number"}),
        ({"to": "a@b.example", "template": "cancelled", "data": {}, "subject": "x"}, {"subject"}),
        (
            {"to": "a@b.example", "template": "cancelled", "data": {"order_id": "7", "number": 7, "more": 1}},
            {"data.order_id", "data.number", "data.more"},
        ),
        (
            {
                "to": "a@b.example",
                "template": "shipped",
                "data": {
                    "order_id": str(UUID(int=1)),
                    "number": "S-1",
                    "items": [
                        {"name": "A", "options": {}, "quantity": 1, "total": {"amount": 1, "currency": "USD"}, "x": 1}
                    ],
                    "address": {
                        "name": "Ada",
                        "line1": "1 Road",
                        "city": "Town",
                        "postal_code": "1",
                        "country": "GB",
                        "x": 1,
                    },
                },
            },
            {"data.items.0.x", "data.address.x"},
        ),
        (
            {
                "to": "a@b.example",
                "template": "refunded",
                "data": {
                    "order_id": str(UUID(int=1)),
                    "amount": {"amount": 1.5, "currency": "USD"},
                    "refunded": {"amount": 1, "currency": "XXX"},
                    "full": "yes",
                },
            },
            {"data.amount.amount", "data.refunded", "data.full"},
        ),
    ],
)
async def test_refuses_what_cannot_become_an_email(shop: Shop, body: Any, fields: set[str]) -> None:
    answer = await ask(shop, body)
    assert answer.status_code == 422, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == fields


async def test_the_same_key_makes_one_email(shop: Shop) -> None:
    to, key = unique_address(), {"idempotency-key": str(uuid4())}
    first = await ask(shop, {"to": to, **MESSAGE}, key)
    again = await ask(shop, {"to": to, **MESSAGE}, key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await ask(shop, {"to": unique_address(), **MESSAGE}, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    await until(shop, first.json()["id"], "sent")
    assert (await ask(shop, {"to": to, **MESSAGE}, key)).json()["status"] == "sent"
    assert len(shop.inbox.emails(to)) == 1


async def test_the_delivery_log_is_read_page_by_page(shop: Shop) -> None:
    to = unique_address("log")
    ids = [(await ask(shop, {"to": to, **MESSAGE})).json()["id"] for _ in range(5)]
    for email_id in ids:
        await until(shop, email_id, "sent")
    seen: list[str] = []
    query: dict[str, str] = {"to": to.upper(), "status": "sent", "limit": "2"}
    while True:
        page = (await shop.notification.get("/api/notifications", params=query, headers=shop.admin)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == ids[::-1]
    item = page["items"][0]
    assert set(item) == {"id", "to", "template", "subject", "status", "attempts", "created_at", "sent_at", "error"}
    assert (item["to"], item["template"], item["attempts"], item["error"]) == (to, "message", 1, None)
    failed = {"to": to, "status": "failed"}
    none = await shop.notification.get("/api/notifications", params=failed, headers=shop.admin)
    assert none.json() == {"items": [], "next_cursor": None}
    for wrong in ({"status": "lost"}, {"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"nosuch": "1"}):
        answer = await shop.notification.get("/api/notifications", params=wrong, headers=shop.admin)
        assert answer.status_code == 422, wrong


async def test_an_email_is_sent_again_under_its_own_id(shop: Shop) -> None:
    to = unique_address()
    email_id = (await ask(shop, {"to": to, **MESSAGE})).json()["id"]
    await until(shop, email_id, "sent")
    key = {"idempotency-key": str(uuid4())}
    path = f"/api/notifications/{email_id}/resend"
    again = await shop.notification.post(path, headers=shop.admin | key)
    assert (again.status_code, again.json()["status"]) == (202, "queued")

    async def twice() -> bool:
        return len(shop.inbox.emails(to)) == 2

    await eventually(twice)
    await until(shop, email_id, "sent")
    replayed = await shop.notification.post(path, headers=shop.admin | key)
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.json()["status"] == "sent"
    assert {mail["message_id"] for mail in shop.inbox.emails(to)} == {f"<{email_id}@serai.example>"}
    for nobody in (str(uuid4()), "x"):
        absent = await shop.notification.post(f"/api/notifications/{nobody}/resend", headers=shop.admin)
        assert absent.status_code == 404


async def test_marketing_reaches_only_those_who_asked_for_it(shop: Shop) -> None:
    await shop.register(email := unique_address())
    user_id, headers = await shop.sign_in(email)
    data = {"user_id": str(user_id), "subject": "New lamps", "text": "They shine."}
    offer = {"to": email, "template": "marketing", "data": data}
    await until(shop, (await ask(shop, offer)).json()["id"], "skipped")
    wanted = {"order_updates": True, "shipping_updates": True, "marketing": True, "locale": "de-AT"}
    assert (await shop.notification.put("/api/notifications/settings", json=wanted, headers=headers)).json() == wanted
    sent = (await ask(shop, offer)).json()["id"]
    await until(shop, sent, "sent")
    as_sent = (await shop.notification.get(f"/api/notifications/{sent}", headers=shop.admin)).json()
    assert "/api/notifications/unsubscribe?token=" in as_sent["headers"]["List-Unsubscribe"]
    elsewhere = (await ask(shop, offer | {"to": unique_address()})).json()["id"]

    async def turned_down() -> bool:
        answer = await shop.notification.get(f"/api/notifications/{elsewhere}", headers=shop.admin)
        return "does not belong" in (answer.json()["error"] or "")

    await eventually(turned_down)


async def test_settings_are_exactly_four_fields(shop: Shop) -> None:
    headers = tokens.as_user(uuid4())
    path = "/api/notifications/settings"
    defaults = {"order_updates": True, "shipping_updates": True, "marketing": False, "locale": "en"}
    assert (await shop.notification.get(path, headers=headers)).json() == defaults
    assert (await shop.notification.get(path)).status_code == 401
    for wrong in (
        {"order_updates": False},
        defaults | {"user_id": str(uuid4())},
        defaults | {"marketing": 1},
        defaults | {"locale": "en\n"},
        defaults | {"locale": "x" * 100},
        defaults | {"locale": "../etc"},
    ):
        answer = await shop.notification.put(path, json=wrong, headers=headers)
        assert answer.status_code == 422, wrong
    assert (await shop.notification.get(path, headers=headers)).json() == defaults
    other = defaults | {"locale": "pt-BR", "order_updates": False}
    assert (await shop.notification.put(path, json=other, headers=headers)).json() == other
    assert (await shop.notification.get(path, headers=headers)).json() == other
    assert (await shop.notification.get(path, headers=tokens.as_user(uuid4()))).json() == defaults


async def test_a_link_that_is_not_ours_changes_nothing(shop: Shop) -> None:
    path = "/api/notifications/unsubscribe"
    for method in ("GET", "POST"):
        assert (await shop.notification.request(method, path)).status_code == 422
        assert (await shop.notification.request(method, f"{path}?token=x")).status_code == 404
        assert (await shop.notification.request(method, f"{path}?token={'A' * 200}")).status_code == 422
