"""Links that open an account: they reach the email and are stored nowhere on the way."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Event
from serai.chassis.ids import new_id
from serai.contracts.user import PASSWORD_RESET_REQUESTED, IssuedLink, UserContact
from serai.notification import actions
from serai.notification.compose import Composer
from serai.notification.message import parse_sender
from serai.notification.render import Templates
from serai.notification.sending import EmailWorker
from serai.notification.smtp import SmtpServer
from serai.notification.unsubscribe import UnsubscribeLinks
from serai.supervisor import ports
from tests.notification.harness import PUBLIC_URL, UnusedClients, eventually, unique_address
from tests.notification.shop import PASSWORD, Shop

NEW = "another caravan at dawn"


def token_in(mail: dict[str, Any], page: str) -> str:
    """The token of the only link to this page, which is the same in both parts of the email."""
    link = re.compile(re.escape(f"{PUBLIC_URL}/{page}?token=") + r"([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])")
    [in_text] = link.findall(mail["text"])
    assert link.findall(mail["html"]) == [in_text]
    return str(in_text)


async def forgot(shop: Shop, email: str) -> None:
    answer = await shop.users.post("/api/auth/password/forgot", json={"email": email})
    assert answer.status_code == 202, answer.text


async def logged(shop: Shop, email: str, template: str, status: str) -> dict[str, Any]:
    """The delivery log's entry of this email, once it has that status."""

    async def look() -> dict[str, Any]:
        answer = await shop.notification.get("/api/notifications", params={"to": email}, headers=shop.admin)
        found = [one["id"] for one in answer.json()["items"] if (one["template"], one["status"]) == (template, status)]
        if not found:
            return {}
        as_sent = await shop.notification.get(f"/api/notifications/{found[0]}", headers=shop.admin)
        return dict(as_sent.json())

    return await eventually(look)


async def nothing_is_queued(shop: Shop) -> None:
    """Waits until the queue is empty, so that a fault hits the intended email."""

    async def look() -> bool:
        answer = await shop.notification.get("/api/notifications", params={"status": "queued"}, headers=shop.admin)
        return not answer.json()["items"]

    await eventually(look)


async def everything_in(database_url: str) -> str:
    """The content of all tables of a database."""
    connection = await asyncpg.connect(database_url)
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    rows = [await connection.fetch(f"select t::text from {row['tablename']} t") for row in tables]
    await connection.close()
    return str(rows)


async def test_the_welcome_carries_a_link_that_proves_the_address(shop: Shop) -> None:
    await shop.register(email := unique_address("ada"))
    shown = token_in(await shop.inbox.one(email, "Welcome"), "verify")
    answer = await shop.users.post("/api/auth/email/verify", json={"token": shown})
    assert answer.status_code == 204, answer.text
    _, headers = await shop.sign_in(email)
    assert (await shop.users.get("/api/auth/me", headers=headers)).json()["email_verified"] is True


async def test_another_link_to_prove_the_address_comes_on_request(shop: Shop) -> None:
    await shop.register(email := unique_address())
    _, headers = await shop.sign_in(email)
    assert (await shop.users.post("/api/auth/email/resend", headers=headers)).status_code == 202
    shown = token_in(await shop.inbox.one(email, "Verify your email address"), "verify")
    assert (await shop.users.post("/api/auth/email/verify", json={"token": shown})).status_code == 204


async def test_who_forgot_the_password_sets_another_and_is_told(shop: Shop) -> None:
    await shop.register(email := unique_address("grace"))
    _, old = await shop.sign_in(email)
    off = {"order_updates": False, "shipping_updates": False, "marketing": False, "locale": "en"}
    assert (await shop.notification.put("/api/notifications/settings", json=off, headers=old)).status_code == 200
    await forgot(shop, email)
    shown = token_in(await shop.inbox.one(email, "Reset your password"), "reset")
    answer = await shop.users.post("/api/auth/password/reset", json={"token": shown, "password": NEW})
    assert answer.status_code == 204, answer.text
    await shop.inbox.one(email, "password was changed")
    assert (await shop.users.get("/api/auth/me", headers=old)).status_code == 401
    signed_in = await shop.users.post("/api/auth/login", json={"email": email, "password": NEW})
    assert signed_in.status_code == 200


async def test_an_email_that_is_tried_again_brings_a_link_that_works_and_so_does_the_first(shop: Shop) -> None:
    """The server accepts the email, and the connection breaks before its response."""
    await shop.register(email := unique_address())
    await shop.inbox.one(email, "Welcome")
    await nothing_is_queued(shop)
    shop.inbox.fault("cut", stored=True)
    await forgot(shop, email)

    async def twice() -> list[dict[str, Any]]:
        found = shop.inbox.emails(email, "Reset your password")
        return found if len(found) == 2 else []

    mails = await eventually(twice)
    assert len({mail["message_id"] for mail in mails}) == 1
    first, second = (token_in(mail, "reset") for mail in mails)
    assert first != second
    reset = {"token": first, "password": NEW}
    assert (await shop.users.post("/api/auth/password/reset", json=reset)).status_code == 204
    reset = {"token": second, "password": PASSWORD}
    assert (await shop.users.post("/api/auth/password/reset", json=reset)).status_code == 422


async def test_an_email_whose_link_was_used_is_not_sent_again(shop: Shop) -> None:
    """An email that an admin resends a day later must not open the account again."""
    await shop.register(email := unique_address())
    await forgot(shop, email)
    shown = token_in(await shop.inbox.one(email, "Reset your password"), "reset")
    sent = await logged(shop, email, "password_reset", "sent")
    reset = {"token": shown, "password": NEW}
    assert (await shop.users.post("/api/auth/password/reset", json=reset)).status_code == 204
    again = await shop.notification.post(f"/api/notifications/{sent['id']}/resend", headers=shop.admin)
    assert again.status_code == 202
    skipped = await logged(shop, email, "password_reset", "skipped")
    assert skipped["error"] == "The link in this email was used or has expired."
    assert len(shop.inbox.emails(email, "Reset your password")) == 1


@pytest.mark.parametrize("name", ["password_reset", "email_verification"])
async def test_an_email_that_carries_a_secret_cannot_be_requested(shop: Shop, name: str) -> None:
    body = {"to": unique_address(), "template": name, "data": {"name": "Ada"}}
    answer = await shop.notification.post("/api/notifications/email", json=body, headers=shop.admin)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "template")


async def test_the_token_is_in_the_email_and_nowhere_else(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await shop.register(email := unique_address())
    _, headers = await shop.sign_in(email)
    await shop.users.post("/api/auth/email/resend", headers=headers)
    await forgot(shop, email)
    welcome = await shop.inbox.one(email, "Welcome")
    verification = await shop.inbox.one(email, "Verify your email address")
    password = await shop.inbox.one(email, "Reset your password")
    tokens = [token_in(welcome, "verify"), token_in(verification, "verify"), token_in(password, "reset")]
    previews: list[str] = []
    for template, page in (("welcome", "verify"), ("email_verification", "verify"), ("password_reset", "reset")):
        seen = await logged(shop, email, template, "sent")
        for part in (seen["text"], seen["html"]):
            assert f"{PUBLIC_URL}/{page}?token=[hidden]" in part
        previews.append(json.dumps(seen))
    for shown in tokens:
        # In every place that a careless log line would contain.
        await shop.users.post("/api/auth/email/verify", json={"token": [shown], shown: shown})
        await shop.users.post("/api/auth/email/verify", json={"token": shown}, headers={"referer": shown})
        for _ in range(2):
            await shop.users.post("/api/auth/password/reset", json={"token": shown, "password": NEW})
    told = {
        "previews": str(previews),
        "user's database": await everything_in(shop.user_database),
        "notification's database": await everything_in(shop.notification_database),
        "logs": str([record.__dict__ for record in caplog.records]),
        "metrics": (await shop.users.get("/metrics")).text + (await shop.notification.get("/metrics")).text,
    }
    assert not [where for where, said in told.items() for shown in tokens if shown in said]
    assert email in told["user's database"], "it would have been found"


class Quoting:
    """An SMTP server that refuses an email and quotes its link."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        text = mail.get_body(("plain",))
        assert text is not None
        [link] = re.findall(r"http\S+/reset\?\S+", text.get_content())
        self.seen.append(link)
        return f"550 5.7.1 We do not like {link} here"


class OneUser(UnusedClients):
    """A user service with one user."""

    async def user(self, user_id: UUID) -> UserContact:
        return UserContact(user_id, "ada@example.com", "Ada", False)

    async def issue_link(self, link_id: UUID) -> IssuedLink:
        return IssuedLink(secrets.token_urlsafe(32), datetime.now(UTC))


async def test_a_server_that_quotes_the_link_it_refuses_tells_the_log_no_secret(database: Callable[[str], str]) -> None:
    db = Database(url := database("notification"))
    await db.open()
    quoting = Quoting()
    server = Controller(quoting, hostname="127.0.0.1", port=ports.find_free())
    server.start()
    users = OneUser()
    sender = EmailWorker(
        db,
        Composer(users, users),
        Templates(PUBLIC_URL),
        UnsubscribeLinks(PUBLIC_URL, "of the tests"),
        SmtpServer.parse(f"smtp://127.0.0.1:{server.port}?starttls=no"),
        parse_sender("Serai <shop@serai.example>"),
    )
    user_id = new_id()
    told = Event(
        id=new_id(),
        source="/user",
        type=PASSWORD_RESET_REQUESTED,
        subject=str(user_id),
        time=datetime.now(UTC),
        position=1,
        data={"user_id": str(user_id)},
    )
    async with db.transaction() as tx:
        await actions.handle_user_event(tx, told)
    try:
        [job] = await sender.claim(1)
        await sender.attempt(job)
    finally:
        await sender.disconnect()
        server.stop()
    kept = await actions.email(db, told.id)
    assert kept.error == f"550 5.7.1 We do not like {PUBLIC_URL}/reset?token=[hidden] here"
    [link] = quoting.seen
    assert link.partition("token=")[2] not in await everything_in(url)
    await db.close()
