"""From an event in another service's feed to an email in the inbox."""

from __future__ import annotations

from serai.contracts.order.events import ORDER_CANCELLED, ORDER_DELIVERED, ORDER_PAID, ORDER_REJECTED, ORDER_SHIPPED
from tests.notification.harness import PUBLIC_URL, eventually, unique_address
from tests.notification.shop import PASSWORD, Shop, shipped


async def test_a_paid_order_is_confirmed(shop: Shop) -> None:
    kept = shop.an_order(email := unique_address("ada"))
    event_id = await shop.publish(ORDER_PAID, kept)
    mail = await shop.inbox.one(email)
    assert mail["subject"] == "Your order S-100042 is confirmed"
    assert mail["message_id"] == f"<{event_id}@serai.example>"
    for part in (mail["text"], mail["html"]):
        for fact in ("$498.00", "$5.00", "$10.00", "$513.00", "120 cm", "SW1Y 4LE", str(kept.order.id)):
            assert fact in part
    assert "Walnut <desk>" in mail["text"]
    assert "Walnut &lt;desk&gt;" in mail["html"]


async def test_a_shipping_email_has_the_tracking_number(shop: Shop) -> None:
    kept = shop.an_order(email := unique_address())
    shop.orders.orders[kept.order.id] = shipped(kept, "1Z 999 AA1")
    await shop.publish(ORDER_SHIPPED, kept)
    mail = await shop.inbox.one(email)
    assert mail["subject"] == "Your order S-100042 has shipped"
    assert "1Z 999 AA1" in mail["text"]
    assert "1Z 999 AA1" in mail["html"]


async def test_each_refund_email_has_its_amount(shop: Shop) -> None:
    kept = shop.an_order(email := unique_address())
    first = await shop.publish_refund(kept, 1000, 1000, full=False)
    second = await shop.publish_refund(kept, 50300, 51300, full=True)
    in_part = await shop.inbox.one(email, "refunded $10.00")
    the_rest = await shop.inbox.one(email, "refunded $503.00")
    assert {in_part["message_id"], the_rest["message_id"]} == {f"<{one}@serai.example>" for one in (first, second)}
    assert "fully refunded" in the_rest["text"]
    assert "fully refunded" not in in_part["text"]


async def test_no_email_is_sent_about_an_order_without_a_number(shop: Shop) -> None:
    email = unique_address()
    await shop.publish(ORDER_REJECTED, shop.an_order(email, number=None))
    await shop.publish(ORDER_CANCELLED, shop.an_order(email, number=None))
    await shop.publish(ORDER_CANCELLED, shop.an_order(email, number="S-100043"))
    assert "S-100043" in (await shop.inbox.one(email))["subject"]
    assert len(shop.inbox.emails(email)) == 1


async def test_account_events_cause_welcome_warning_and_password_emails(shop: Shop) -> None:
    email = unique_address("grace")
    await shop.register(email, "Grace Hopper")
    assert "Welcome, Grace Hopper" in (await shop.inbox.one(email, "Welcome"))["text"]
    await shop.register(email, "Somebody Else")
    taken = await shop.inbox.one(email, "tried to register")
    assert "Hi Grace Hopper" in taken["text"]
    _, headers = await shop.sign_in(email)
    change = {"current_password": PASSWORD, "new_password": "another caravan at dawn"}
    assert (await shop.users.post("/api/auth/password", json=change, headers=headers)).status_code == 204
    assert "was changed on" in (await shop.inbox.one(email, "password was changed"))["text"]


async def test_emails_about_money_are_always_sent_and_others_follow_the_settings(shop: Shop) -> None:
    email = unique_address()
    await shop.register(email)
    user_id, headers = await shop.sign_in(email)
    off = {"order_updates": False, "shipping_updates": False, "marketing": False, "locale": "en"}
    assert (await shop.notification.put("/api/notifications/settings", json=off, headers=headers)).status_code == 200
    kept = shop.an_order(email, user_id=user_id)
    unwanted = [str(await shop.publish(type_, kept)) for type_ in (ORDER_SHIPPED, ORDER_DELIVERED)]
    for type_ in (ORDER_PAID, ORDER_CANCELLED):
        await shop.publish(type_, kept)
    await shop.publish_refund(kept, 1000, 1000, full=False)
    for subject in ("confirmed", "canceled", "refunded"):
        await shop.inbox.one(email, subject)

    async def skipped() -> bool:
        answers = [await shop.notification.get(f"/api/notifications/{id}", headers=shop.admin) for id in unwanted]
        return all(answer.status_code == 200 and answer.json()["status"] == "skipped" for answer in answers)

    await eventually(skipped)
    assert not shop.inbox.emails(email, "has shipped")
    assert not shop.inbox.emails(email, "delivered")


async def test_emails_with_a_setting_can_be_unsubscribed_with_one_click(shop: Shop) -> None:
    email = unique_address()
    await shop.register(email)
    user_id, headers = await shop.sign_in(email)
    kept = shop.an_order(email, user_id=user_id)
    event_id = await shop.publish(ORDER_SHIPPED, kept)
    await shop.inbox.one(email, "has shipped")

    async def sent() -> dict[str, str]:
        answer = await shop.notification.get(f"/api/notifications/{event_id}", headers=shop.admin)
        return dict(answer.json()["headers"]) if answer.json()["status"] == "sent" else {}

    as_sent = await eventually(sent)
    assert as_sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = as_sent["List-Unsubscribe"].strip("<>").removeprefix(PUBLIC_URL)

    page = await shop.notification.get(link)
    assert page.headers["content-type"].startswith("text/html")
    assert '<form method="post">' in page.text
    settings = await shop.notification.get("/api/notifications/settings", headers=headers)
    assert settings.json()["shipping_updates"] is True, "looking changes nothing"

    done = await shop.notification.post(link, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    settings = await shop.notification.get("/api/notifications/settings", headers=headers)
    assert settings.json() == {
        "order_updates": True,
        "shipping_updates": False,
        "marketing": False,
        "locale": "en",
    }
